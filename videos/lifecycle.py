"""The life of a generation: its states, the moves between them, and which states are final.

Nothing here touches the database. Only `models/generation.py` makes moves.
"""

from django.db.models import TextChoices


class Status(TextChoices):
    QUEUED = "queued", "Queued"  # kept, budget held, nothing sent
    SENDING = "sending", "Sending"  # a durable mark made before the first byte left
    RUNNING = "running", "Rendering"  # the remote id is stored
    SAVING = "saving", "Saving"  # the remote API says completed; not downloaded yet
    READY = "ready", "Ready"  # the saved copy is whole
    FAILED = "failed", "Failed"  # definite, with a cause
    UNKNOWN = "unknown", "Unknown outcome"  # sent, reply lost: may have been charged
    STOPPED = "stopped", "Stopped waiting"  # no answer for a day, or the owner stopped waiting
    CANCELLED = "cancelled", "Cancelled"  # never sent, or resolved as not made


# The states from which each state can be entered. A late reply always wins: it turns `unknown`, and even a generation
# that a person resolved as not made, into `running`, because a paid video must not be lost. For the same reason a
# generation that failed because the remote API did not know its id can be checked again.
MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.SENDING}),
    Status.SENDING: frozenset({Status.QUEUED, Status.SENDING}),  # again under the same key, where that is safe
    Status.RUNNING: frozenset({Status.SENDING, Status.UNKNOWN, Status.STOPPED, Status.CANCELLED, Status.FAILED}),
    Status.SAVING: frozenset({Status.RUNNING, Status.READY}),
    Status.READY: frozenset({Status.SAVING}),
    Status.FAILED: frozenset({Status.QUEUED, Status.SENDING, Status.RUNNING, Status.UNKNOWN}),
    Status.UNKNOWN: frozenset({Status.SENDING}),
    Status.STOPPED: frozenset({Status.RUNNING, Status.SAVING}),
    Status.CANCELLED: frozenset({Status.QUEUED, Status.UNKNOWN}),
}

FINAL = frozenset({Status.READY, Status.FAILED, Status.CANCELLED})
IN_PROGRESS = frozenset({Status.QUEUED, Status.SENDING, Status.RUNNING, Status.SAVING})
UNSETTLED = IN_PROGRESS | {Status.UNKNOWN}  # must stay visible until it has ended or its outcome is known
IN_FLIGHT = frozenset({Status.SENDING, Status.RUNNING})  # counts against the limit of generations at the remote API
ATTENTION = frozenset({Status.FAILED, Status.UNKNOWN, Status.STOPPED})
