"""A person's decision about a video in a comparison: kept or rejected."""

from django.conf import settings
from django.db import models

from videos.models.generation import Generation
from videos.models.prepared import prepared
from videos.models.transactions import retried


class VerdictQuerySet(models.QuerySet):
    @retried
    def decide(self, user, generation: Generation, word: str):
        """Keeps or rejects a video, or takes that back (""). A person keeps at most one video of a batch: the winner.

        Raises DoesNotExist once the video is removed.
        """
        Generation.objects.select_for_update(no_key=True).get(pk=generation.pk)
        changed = [generation.pk]
        if word == Verdict.Word.KEPT:
            others = self.filter(user=user, word=word, generation__batch=generation.batch_id)
            changed += others.exclude(generation=generation).values_list("generation", flat=True)
            others.delete()
        if word:
            self.update_or_create(user=user, generation=generation, defaults={"word": word})
        else:
            self.filter(user=user, generation=generation).delete()
        Generation.objects.mark_changed(changed)

    def words(self, user, generations) -> dict[int, str]:
        """Id of a generation → this person's verdict."""
        return dict(self.words_on(user, list(generations)))

    def words_in(self, user, batch_ids) -> dict[int, str]:
        """The same, for all videos of these batches."""
        return dict(self.words_within(user, list(batch_ids)))

    @prepared
    def words_on(self, user, generations: list[int]):
        return self.filter(user=user, generation__in=generations).values_list("generation", "word")

    @prepared
    def words_within(self, user, batches: list[int]):
        return self.filter(user=user, generation__batch__in=batches).values_list("generation", "word")


class Verdict(models.Model):
    class Word(models.TextChoices):
        KEPT = "kept"
        REJECTED = "rejected"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="verdicts")
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="verdicts")
    word = models.CharField(max_length=8, choices=Word)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "generation"], name="one_verdict_for_each_person")]

    def __str__(self):
        return f"{self.user}: {self.word}"
