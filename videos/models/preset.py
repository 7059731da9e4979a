"""A preset: a named set of models, ratio, settings and words for the prompt; private or shared."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Case, IntegerField, Q, When

LONGEST_NAME = 60
MAX_PRESETS = 100  # of one person


class TooManyPresets(Exception):
    """This person has as many presets as one may have, so nothing was stored."""


class PresetQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(Q(owner=user) | Q(shared=True))

    def listed_for(self, user, words: str = ""):
        """Those whose name contains `words`: this person's own, MAX_PRESETS at most, before those of others."""
        is_of_another = Case(When(owner=user, then=0), default=1, output_field=IntegerField())
        found = self.visible_to(user).filter(name__icontains=words) if words else self.visible_to(user)
        return found.select_related("owner").order_by(is_of_another, "name", "pk")

    def keep(self, owner, name: str, **values):
        """Stores a preset, in place of this person's preset of that name. Raises TooManyPresets."""
        if self.filter(owner=owner).exclude(name=name).count() >= MAX_PRESETS:
            raise TooManyPresets
        self.update_or_create(owner=owner, name=name, defaults=values)


class Preset(models.Model):
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets")
    name = models.CharField(max_length=LONGEST_NAME)
    shared = models.BooleanField(default=False)
    prompt = models.TextField(blank=True)  # appended to the prompt, which it does not replace
    providers = models.JSONField(default=list)  # values
    aspect_ratio = models.CharField(max_length=16)
    config = models.TextField(blank=True)  # as it is typed
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PresetQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_preset_of_each_name")]

    def __str__(self):
        return self.name

    def added_to(self, prompt: str) -> str:
        """The prompt with the preset's words appended, unless it has them already."""
        words = self.prompt.strip()
        if not words or words in prompt:
            return prompt
        start = prompt.rstrip()
        return f"{start}{'' if start.endswith(tuple(',.;:!?…')) else ','} {words}" if start else words
