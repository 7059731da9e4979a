"""Whether each remote API would take our key: asked for nothing, before anything is sent."""

from videos import wording
from videos.engine.enqueue import enqueue_account_check
from videos.models import RemoteAccount
from videos.models.remote_account import REFUSED_KEY
from videos.remotes import registry
from videos.remotes.errors import Cause, RemoteError

ANSWERED = frozenset({Cause.BUSY, Cause.PLAN, Cause.RETIRED, Cause.INVALID})


def check_accounts() -> None:
    """Pauses sending where the key is wrong, resumes where a key that was wrong is good again.

    Free of charge; for a worker's start, and for a person who resumes. What else goes wrong is only said.
    """
    for account in RemoteAccount.objects.all_active():
        if registry.find(account.backend).is_configured:  # nothing is sent without a key, and every page says so
            check_account(account)


def check_account(account: RemoteAccount) -> None:
    try:
        registry.find(account.backend).check_account()
    except RemoteError as error:
        take_error(account, error)
        return
    account.note_reached()
    account.end_pause(Cause.KEY)


def resume_sending(backend: str = "all") -> None:
    """A person says that sending may go on, to one backend or to all; whether the key is good is asked at once."""
    accounts = RemoteAccount.objects.all()
    if backend != "all":
        accounts = accounts.filter(backend=backend)
    accounts.resume()
    enqueue_account_check()


def take_error(account: RemoteAccount, error: RemoteError):
    sentence = wording.sentence("remote", error.cause, account.name)
    if error.cause == Cause.KEY:
        account.pause(error.cause, sentence, instead_of=REFUSED_KEY)
    elif error.cause == Cause.CREDITS:
        account.pause(error.cause, sentence)
    elif error.cause in ANSWERED:  # this call may be closed to a key that may well send
        account.note_reached()
    else:
        account.note_trouble(sentence)
