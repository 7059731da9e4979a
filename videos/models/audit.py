"""Who changed or deleted what outside of the admin, in the admin's own log, which is the studio's audit list."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType


def note(user, what: str, words: str, row=None, flag: int = CHANGE):
    """`what` names what was changed, as it is called today; `row` is it, where there still is one."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(row) if row is not None else None,
        object_id=row.pk if row is not None else None,
        object_repr=what[:200],
        action_flag=flag,
        change_message=words,
    )
