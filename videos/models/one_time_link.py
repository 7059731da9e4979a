"""Single-use links: an invitation, or a new password. No mail server is needed."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from videos.models.transactions import retried

LASTS = timedelta(days=7)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class OneTimeLinkQuerySet(models.QuerySet):
    def issue(self, purpose: str, made_by, for_user=None) -> str:
        """Creates a link and returns its token. Only the token's digest is stored."""
        token = secrets.token_urlsafe(32)
        self.create(
            purpose=purpose,
            made_by=made_by,
            for_user=for_user,
            password_state=digest(for_user.password) if for_user else "",
            token_digest=digest(token),
            expires_at=timezone.now() + LASTS,
        )
        return token

    def open(self):
        return self.filter(used_at=None, expires_at__gt=timezone.now())

    def open_invitations(self):
        """Those that still let somebody in, the oldest first."""
        return self.open().filter(purpose=OneTimeLink.Purpose.INVITE).select_related("made_by").order_by("pk")

    def find(self, purpose: str, token: str) -> "OneTimeLink | None":
        link = self.open().filter(purpose=purpose, token_digest=digest(token)).select_related("for_user").first()
        return link if link and link.fits(link.for_user) else None


class OneTimeLink(models.Model):
    class Purpose(models.TextChoices):
        INVITE = "invite", "Invitation"
        PASSWORD = "password", "New password"

    purpose = models.CharField(max_length=8, choices=Purpose)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    for_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    password_state = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = OneTimeLinkQuerySet.as_manager()

    def __str__(self):
        return f"{self.get_purpose_display()}, {self.created_at:%d %b %Y}"

    def fits(self, person) -> bool:
        """Whether it is valid for this person: a link for a new password is void once the password has changed."""
        return self.purpose == self.Purpose.INVITE or self.password_state == digest(person.password)

    @retried
    def use(self) -> bool:
        """True for exactly one of any number of concurrent callers, with this link or another of the same member."""
        if self.for_user_id:
            people = type(self.for_user)._default_manager.select_for_update(no_key=True)
            if not self.fits(people.get(pk=self.for_user_id)):
                return False
        return bool(OneTimeLink.objects.open().filter(pk=self.pk).update(used_at=timezone.now()))
