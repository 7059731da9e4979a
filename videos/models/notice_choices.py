"""Choices about notices outside the browser, for the studio or for one person: addresses and kinds."""

from django.db import models

from videos.encryption import decrypt, encrypt


class NoticeChoices(models.Model):
    """Addresses may contain passwords, so they are stored encrypted, and no page shows them again."""

    notify_urls_stored = models.TextField(blank=True, default="", editable=False)
    notify_kinds = models.JSONField(null=True, blank=True, editable=False)  # None: of every kind
    notify_prompts = models.BooleanField(null=True, blank=True, editable=False)  # whether notices quote them

    class Meta:
        abstract = True

    @property
    def notify_urls(self) -> str:
        """Addresses for apprise, one a line; "" if they were stored under another SECRET_KEY."""
        return decrypt(self.notify_urls_stored) or ""

    @notify_urls.setter
    def notify_urls(self, addresses: str):
        self.notify_urls_stored = encrypt(addresses)

    @property
    def addresses_are_unreadable(self) -> bool:
        return decrypt(self.notify_urls_stored) is None

    def notifies_of(self, kind: str) -> bool:
        return self.notify_kinds is None or kind in self.notify_kinds
