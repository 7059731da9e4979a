"""All that a person may see, without a search or a filter: what most pages ask for, so its queries are prepared."""

from functools import cache

from django.contrib.auth import get_user_model

from videos.models import bounded
from videos.models.bounded import ANYBODY, Count, Select, counted, counting, of_person
from videos.models.generation import Generation


class WholeGallery:
    """It has the queryset methods that the gallery's tabs and stacks use. Its stacks leave out videos in the trash."""

    def __init__(self, user):
        self.user = user

    def tab_counts(self) -> dict[str, Count]:
        """Tab → how many videos this person may see on it. One query."""
        names, select = counting_tabs(bounded.MAX_COUNTED)
        return counted(names, of_person(select, self.user.pk))

    def newest_batches(self, user, count: int, newest: bool = True) -> list[int]:
        order = "-pk" if newest else "pk"
        found = dict(Generation.objects.own_batches(user, order=order, count=count))
        found.update(Generation.objects.shared_batches(order=order, count=count))
        return [found[pk] for pk in sorted(found, reverse=newest)[:count]]

    def stack_rows(self, batches: list[int]) -> list[tuple]:
        return Generation.objects.kept_stack_rows(self.user, batches)


@cache
def counting_tabs(max_counted: int) -> tuple[tuple[str, ...], Select]:
    """The names of the tabs, and the query that counts up to so many videos of ANYBODY on each. Each of its parts is
    for one reason to see a video, and so are the indexes that answer it."""
    anybody = get_user_model()(pk=ANYBODY)
    selects = Generation.objects.all().selects_by_tab(anybody)
    return tuple(selects), counting(selects)
