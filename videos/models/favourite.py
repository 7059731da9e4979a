"""A star: one person's own, on a generation that this person may see."""

from django.conf import settings
from django.db import models

from videos.models.prepared import prepared


class FavouriteQuerySet(models.QuerySet):
    @prepared
    def starred(self, user, generations: list[int]):
        """Which of these this person has starred."""
        return self.filter(user=user, generation__in=generations).values_list("generation_id", flat=True)

    def newest_between(self, first: int, last: int):
        """The ids of the starred generations between these, the newest first."""
        between = self.filter(generation_id__gte=first, generation_id__lte=last)
        return between.order_by("-generation_id").values_list("generation_id", flat=True)


class Favourite(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites")
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="favourites")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FavouriteQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "generation"], name="one_star_for_each_person")]

    def __str__(self):
        return f"{self.user}: {self.generation}"
