"""Asks each remote API, free of charge, whether it accepts our key."""

from videos import wording
from videos.engine.enqueue import enqueue_account_check
from videos.models import RemoteAccount
from videos.models.remote_account import REFUSED_KEY
from videos.remotes import registry
from videos.remotes.errors import Cause, RemoteError

ANSWERED = frozenset({Cause.BUSY, Cause.PLAN, Cause.RETIRED, Cause.INVALID})


def check_accounts() -> None:
    """Pauses sending to an API that refuses the key, and resumes it when the key is accepted again.

    Runs when a worker starts and when a person resumes sending. Other errors are only noted.
    """
    for account in RemoteAccount.objects.make_all_active():
        if registry.find(account.backend).is_configured:  # nothing is sent without a key, and every page says so
            check_account(account)


def check_account(account: RemoteAccount) -> None:
    try:
        account.remember_account(registry.find(account.backend).check_account())
    except RemoteError as error:
        note_error(account, error)
        return
    account.note_reached()
    account.end_pause(Cause.KEY)


def resume_sending(backend: str = "all") -> None:
    """Resumes sending for a person, to one backend or to all, and checks the key at once."""
    accounts = RemoteAccount.objects.all()
    if backend != "all":
        accounts = accounts.filter(backend=backend)
    accounts.resume()
    enqueue_account_check()


def note_error(account: RemoteAccount, error: RemoteError):
    sentence = wording.sentence("remote", error.cause, account.name)
    if error.cause == Cause.KEY:
        account.pause(error.cause, sentence, instead_of=REFUSED_KEY)
    elif error.cause == Cause.CREDITS:
        account.pause(error.cause, sentence)
    elif error.cause in ANSWERED:  # the key may be allowed to send although it may not make this call
        account.note_reached()
    else:
        account.note_trouble(sentence)
