"""Asks each remote API, free of charge, whether it accepts our key, and for the balance of our account.

This is done at start, hourly, and on demand; and again soon when something is wrong (`RemoteAccount.check_interval`),
so that its banner disappears, and sending resumes, without a person.
"""

from django.utils import timezone

from videos import wording
from videos.engine.enqueue import enqueue_account_check
from videos.models import RemoteAccount
from videos.models.remote_account import REFUSED_KEY
from videos.remotes import registry
from videos.remotes.errors import Cause, RemoteError

TIMEOUT = 30.0  # seconds
ANSWERED = frozenset({Cause.BUSY, Cause.PLAN, Cause.RETIRED, Cause.INVALID})


def check_accounts() -> None:
    """Pauses sending to an API that refuses the key, and resumes it when the key is accepted again.

    Any other error only sets the status note.
    """
    for account in RemoteAccount.objects.make_all_active():
        if registry.find(account.backend).is_configured:  # without a key nothing is sent, and every page says so
            check_account(account)


def is_due() -> bool:
    now = timezone.now()
    return any(account.is_to_be_checked(now) for account in RemoteAccount.objects.all_active())


def check_account(account: RemoteAccount, seconds: float = TIMEOUT) -> str:
    """Checks one account within `seconds`. Returns the problem as a sentence, or ""."""
    account.record_check()
    try:
        account.remember_account(registry.find(account.backend).check_account(seconds))
    except RemoteError as error:
        return record_error(account, error)
    account.clear_problem()
    account.end_pause(Cause.KEY)
    return ""


def resume_sending(backend: str = "all") -> None:
    """Resumes sending for a person, to one backend or to all, and checks the key at once."""
    accounts = RemoteAccount.objects.all()
    if backend != "all":
        accounts = accounts.filter(backend=backend)
    accounts.resume()
    enqueue_account_check()


def record_error(account: RemoteAccount, error: RemoteError) -> str:
    if error.cause == Cause.KEY:
        account.pause(error.cause, instead_of=REFUSED_KEY)
    elif error.cause == Cause.CREDITS:
        account.pause(error.cause)
    elif error.cause in ANSWERED:  # the key may be good for sending even if not for this call
        account.clear_problem()
    else:
        account.record_problem(error.cause)
    return "" if error.cause in ANSWERED else wording.sentence("remote", error.cause, account.name)


def check_current_key(seconds: float = TIMEOUT) -> tuple[bool, str]:
    """Whether HeyGen accepts the current key, and a sentence for a person. One free call: both of its APIs have the
    same key and account."""
    account = RemoteAccount.objects.of(registry.row_key(registry.default_key()))
    if sentence := check_account(account, seconds):
        return False, sentence
    account.refresh_from_db()
    left = "" if account.balance is None else f" Left: {account.balance:,.2f} {account.balance_unit}."
    return True, f"{account.name} accepts the key.{left}"


def check_new_key(seconds: float = TIMEOUT) -> tuple[bool, str]:
    """After a key change: resumes sending that was paused for the old key, if HeyGen accepts the new one."""
    is_good, sentence = check_current_key(seconds)
    if is_good:
        for account in RemoteAccount.objects.make_all_active():
            account.end_pause(REFUSED_KEY)
    enqueue_account_check()
    return is_good, sentence
