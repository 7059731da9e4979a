"""A person's own title and rating of a video that they may see."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from videos.models.generation import Generation
from videos.models.prepared import prepared
from videos.models.transactions import retried
from videos.text import folded

LONGEST_TITLE = 120
BEST = 5
MAX_FOUND = 200  # videos that a search finds by their titles


class PersonalNoteQuerySet(models.QuerySet):
    @retried
    def write(self, user, generation, *, title: str | None = None, rating: int | None = None):
        """Sets the given values; a rating of 0 removes it. An empty note is deleted.

        Raises DoesNotExist once the video is removed.
        """
        Generation.objects.select_for_update(no_key=True).get(pk=generation.pk)
        note, _ = self.select_for_update(no_key=True).get_or_create(user=user, generation=generation)
        if title is not None:
            note.title, note.search_text = title, folded(title)
        if rating is not None:
            note.rating = rating or None
        if note.title or note.rating:
            note.save()
        else:
            note.delete()
        Generation.objects.mark_changed([generation.pk])

    def titles(self, user, generations) -> dict[int, str]:
        """Generation id → this person's title for it."""
        return dict(self.titled(user, list(generations)))

    @prepared
    def titled(self, user, generations: list[int]):
        rows = self.filter(user=user, generation__in=generations).exclude(title="")
        return rows.values_list("generation", "title")

    def rated(self, user, rating: int):
        """Ids of the videos that this person gave so many stars or more."""
        return self.filter(user=user, rating__gte=rating).values("generation")

    def any_rated(self, user) -> bool:
        return bool(self.first_rated(user))

    @prepared
    def first_rated(self, user):
        return self.filter(user=user, rating__gte=1).values_list("pk")[:1]

    def found(self, user, words: str) -> list[int]:
        """Ids of the newest MAX_FOUND generations whose title contains every word."""
        rows = self.filter(user=user).search(words).order_by("-generation_id")
        return list(rows.values_list("generation", flat=True)[:MAX_FOUND])

    def search(self, words: str):
        found = self.exclude(title="")
        for word in folded(words).split():
            found = found.filter(search_text__contains=word)
        return found


class PersonalNote(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes")
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="notes")
    title = models.CharField(max_length=LONGEST_TITLE, blank=True)
    search_text = models.TextField(blank=True, editable=False)
    rating = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(BEST)]
    )
    updated_at = models.DateTimeField(auto_now=True)

    objects = PersonalNoteQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "generation"], name="one_note_for_each_person")]

    def __str__(self):
        return f"{self.user}: {self.title}"
