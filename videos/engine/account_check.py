"""Is the key good, and does the remote side answer: asked for nothing, before anything is sent."""

from django.conf import settings

from videos import heygen
from videos.engine.enqueue import enqueue_account_check
from videos.heygen import Cause, HeyGenError
from videos.models import RemoteAccount
from videos.models.remote_account import REFUSED_KEY

ANSWERED = frozenset({Cause.BUSY, Cause.PLAN, Cause.RETIRED, Cause.INVALID})


def check_account() -> None:
    """Pauses sending when the key is wrong, resumes when a key that was wrong is good again.

    Free of charge; for a worker's start, and for a person who resumes. What else goes wrong is only said.
    """
    if not settings.HEYGEN_API_KEY:
        return  # nothing is sent without one, and every page says so
    RemoteAccount.objects.load()
    try:
        heygen.check_key()
    except HeyGenError as error:
        take_error(error)
        return
    RemoteAccount.objects.note_reached()
    RemoteAccount.objects.end_pause(Cause.KEY)


def resume_sending() -> None:
    """A person says that sending may go on; whether the key is good is asked at once."""
    RemoteAccount.objects.resume()
    enqueue_account_check()


def take_error(error: HeyGenError):
    if error.cause == Cause.KEY:
        RemoteAccount.objects.pause(error.cause, str(error), instead_of=REFUSED_KEY)
    elif error.cause == Cause.CREDITS:
        RemoteAccount.objects.pause(error.cause, str(error))
    elif error.cause in ANSWERED:  # this call may be closed to a key that may well send
        RemoteAccount.objects.note_reached()
    else:
        RemoteAccount.objects.note_trouble(str(error))
