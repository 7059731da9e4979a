"""Retention: moves old videos to the trash, by age or by space, where the owner has asked for it.

Favourites, videos in a collection, and videos that were restored from the trash are never moved. The others stay in the
trash for the usual number of days, where they can be restored.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from videos.models import Generation
from videos.models.bounded import MAX_COUNTED, Count, count_in_any_order
from videos.models.studio_settings import current
from videos.models.usage import stored_by

logger = logging.getLogger(__name__)

AT_ONCE = 500  # in one transaction


def retire() -> int:
    """Applies both rules. Returns how many videos were moved to the trash."""
    count = retire_by_age(current().keep_days) + retire_by_space(current().keep_bytes)
    if count:
        logger.warning("Retention moved %d videos to the trash", count)
    return count


def due() -> Count:
    """How many videos the next run moves by both rules together: each takes the oldest, so the longer list has both."""
    rules = current()
    by_age = count_in_any_order(older_than(rules.keep_days)).found if rules.keep_days else 0
    by_space = sum(map(len, islice(batches(excess_over(rules.keep_bytes)), MAX_COUNTED // AT_ONCE + 1)))
    return Count(max(by_age, by_space))


def retire_by_age(days: int | None) -> int:
    if not days:
        return 0
    count = 0
    while batch := list(older_than(days).values_list("pk", flat=True)[:AT_ONCE]):
        retired = Generation.objects.retire(batch, "retention.age")
        count += retired
        if not retired:
            break
    return count


def retire_by_space(limit: int | None) -> int:
    return sum(Generation.objects.retire(batch, "retention.space") for batch in list(batches(excess_over(limit))))


def excess_over(limit: int | None) -> int:
    """The bytes by which what is stored outside the trash exceeds the limit."""
    if not limit:
        return 0
    stored = stored_by()
    return stored.size - stored.trashed_size - limit


def batches(excess: int) -> Iterator[list[int]]:
    """The oldest videos whose sizes together cover the excess."""
    batch: list[int] = []
    for pk, size in oldest().values_list("pk", "saved_video__size").iterator():
        if excess <= 0:
            break
        batch, excess = [*batch, pk], excess - size
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def older_than(days: int):
    return oldest().filter(saved_at__lt=timezone.now() - timedelta(days=days))


def oldest():
    return Generation.objects.retirable().order_by("saved_at", "pk")
