"""The queue of the queued generations of one person that wait for the same backend."""

from django.utils import timezone

from videos.models.changes import CHANGED
from videos.models.event import Step
from videos.models.generation_queryset import LONGEST_QUEUE
from videos.models.transactions import lock_in_order, retried


class QueueMixin:
    """Part of the model Generation: its place in its owner's queue."""

    @retried
    def move_to_front(self, by=None) -> bool:
        """Moves it to the front of its owner's generations that wait for the same backend. The owner's others move back
        by one; those of other people keep their place."""
        due = type(self).objects.filter(due_at__lte=timezone.now())  # a delayed one has no place in the queue
        mine = due.filter(owner=self.owner_id, backend=self.backend).in_queue()
        lock_in_order(mine.order_by())
        queue = list(mine.values_list("pk", "due_at")[:LONGEST_QUEUE])
        pks, times = [pk for pk, _ in queue], [due_at for _, due_at in queue]
        if self.pk not in pks:
            return False
        number = pks.index(self.pk)
        order = [self.pk, *pks[:number]]
        for pk, due_at in zip(order, times[: number + 1], strict=True):
            type(self).objects.filter(pk=pk).update(due_at=due_at, **CHANGED)
        self.refresh_from_db()
        if number:
            self.log(Step.MOVED_UP, by=by)
        return True
