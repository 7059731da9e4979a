"""The audit list: records changes made outside the admin in the admin's own log."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType


def record(user, what: str, words: str, row=None, flag: int = CHANGE):
    """Adds a line. `what` is the current name of the changed thing; `row` is the object, if it still exists."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(row) if row is not None else None,
        object_id=row.pk if row is not None else None,
        object_repr=what[:200],
        action_flag=flag,
        change_message=words,
    )
