"""One row for each remote API: whether, when and how much may be sent, its balance, and its problems."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos import wording
from videos.models.lease import is_too_far_ahead, too_far_ahead
from videos.models.prepared import prepared
from videos.models.studio_settings import current
from videos.remotes import registry
from videos.remotes.base import Account
from videos.remotes.errors import Cause, EndNotice

UNKNOWNS_BEFORE_PAUSE = 3
NO_NOTE: dict[str, Any] = {"status_note": "", "status_note_since": None}
UNKNOWN_FACTS = {"requests": UNKNOWNS_BEFORE_PAUSE}
BY_PEOPLE = frozenset({"owner", "restored"})
REFUSED_KEY = "refused_key"  # by the paid call: a free call that succeeds does not prove that the key is good
LOW_BALANCE = {"USD": 5, "credits": 50}
REPEAT_MARGIN = timedelta(hours=1)  # a key is no longer used this long before the remote forgets it
CHECK_EVERY, CHECK_AFTER_REFUSAL, SOONEST_CHECK = timedelta(hours=1), timedelta(minutes=5), timedelta(seconds=10)
SHORTEST_WAIT, USUAL_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=15)


class RemoteAccountQuerySet(models.QuerySet):
    def of(self, backend: str) -> "RemoteAccount":
        """The account at the backend that a generation's row names."""
        found = self.of_backends([backend])
        return found[0] if found else self.get_or_create(backend=backend)[0]

    def all_active(self) -> "list[RemoteAccount]":
        """One for each backend of the present mode. One that was never written to is not in the database."""
        keys = registry.active_keys()
        known = {account.backend: account for account in self.of_backends(keys)}
        return [known.get(key) or RemoteAccount(backend=key) for key in keys]

    @prepared
    def of_backends(self, keys: list[str]):
        return self.filter(backend__in=keys)

    def make_all_active(self) -> "list[RemoteAccount]":
        """The same, each with a row in the database."""
        return [self.of(key) for key in registry.active_keys()]

    def lock(self, backend: str) -> "RemoteAccount":
        """The row, locked until the transaction ends, so that only one process at a time counts what is in flight.

        SQLite has no row locks and needs none: only one of its IMMEDIATE transactions runs at a time.
        """
        self.of(backend)
        return self.locked(backend)[0]

    @prepared
    def locked(self, backend: str):
        return self.select_for_update(no_key=True).filter(backend=backend)

    def pause(self, cause: str, instead_of: str = "", **facts: Any):
        """`facts` are those of its sentence, see videos/wording.py.

        The first cause stays until somebody resumes, unless it is the one that `instead_of` names. A pause by a person
        or by a restore replaces one that the studio found necessary, because that one may end automatically."""
        rows = self
        if cause not in BY_PEOPLE:
            rows = rows.filter(Q(paused=False) | Q(pause_cause=instead_of))
        elif cause != "restored":
            rows = rows.exclude(pause_cause="restored")
        rows.update(paused=True, pause_cause=cause, pause_facts=facts, paused_at=timezone.now())

    def resume(self):
        now = timezone.now()
        has_come = Q(ends_at__lte=now) | Q(pause_cause=Cause.RETIRED)
        self.filter(has_come, end_noticed_at__isnull=False).update(end_accepted_at=now)
        self.update(paused=False, pause_cause="", pause_facts={}, paused_at=None, unknowns_in_a_row=0, not_before=None)


class RemoteAccount(models.Model):
    backend = models.CharField(max_length=64, unique=True)
    paused = models.BooleanField(default=False)
    pause_cause = models.CharField(max_length=32, blank=True)
    pause_facts = models.JSONField(default=dict, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    max_in_flight = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: STUDIO_MAX_IN_FLIGHT.")
    trusts_repeats = models.BooleanField(
        "trust safe repetition",
        default=True,
        help_text="Where the API documents that the same request under the same key is made once: a lost reply is "
        "asked for again by itself. Without it, a lost reply is an unknown outcome that a person resolves.",
    )
    # Our account, as the remote reports it
    balance = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    balance_unit = models.CharField(max_length=12, blank=True, help_text="A currency, or credits.")
    plan = models.CharField(max_length=60, blank=True)
    balance_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    low_below = models.DecimalField(
        "warn below",
        max_digits=16,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Below this balance, a warning is shown next to Generate. Empty: 5 USD or 50 credits. 0: never.",
    )
    # The announced end of the API
    ends_at = models.DateTimeField(null=True, blank=True)
    end_words = models.TextField(blank=True)
    end_noticed_at = models.DateTimeField(null=True, blank=True)
    end_accepted_at = models.DateTimeField(
        null=True, blank=True, help_text="Somebody resumed after the announced end, which pauses nothing again."
    )
    # Problems
    unknowns_in_a_row = models.PositiveSmallIntegerField(default=0)
    status_note = models.CharField(max_length=64, blank=True, help_text="situation.cause, see videos/wording.py.")
    status_note_since = models.DateTimeField(null=True, blank=True)

    objects = RemoteAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "remote account"

    def __str__(self):
        return f"{registry.api_name_of(self.backend)}: {'paused' if self.paused else 'sending'}"

    @property
    def name(self) -> str:
        return registry.name_of(self.backend)

    @property
    def api_name(self) -> str:
        return registry.api_name_of(self.backend)

    @property
    def in_flight_limit(self) -> int:
        """How many generations may be in flight at once."""
        return self.max_in_flight or current().max_in_flight

    def may_send(self, now: datetime) -> bool:
        is_ours = self.backend in registry.active_keys()
        return is_ours and not self.paused and registry.find(self.backend).is_configured and self.opens_at(now) <= now

    def opens_at(self, now: datetime) -> datetime:
        """The earliest time of the next submission."""
        if self.not_before is None or is_too_far_ahead(self.not_before, now, LONGEST_WAIT):
            return now
        return self.not_before

    @property
    def repeats_for(self) -> timedelta | None:
        """How long a request may be repeated under the same key after a lost reply; None: not at all."""
        if not self.trusts_repeats or self.backend not in registry.active_keys():
            return None
        span = registry.find(self.backend).repeats_for
        return span - REPEAT_MARGIN if span else None

    @property
    def has_ended(self) -> bool:
        """Nothing is sent there any more, because the API has ended."""
        return self.paused and self.pause_cause == Cause.RETIRED

    @property
    def will_end(self) -> bool:
        """It announced its end and still works."""
        return self.end_noticed_at is not None and not self.has_ended

    def end_sentence(self) -> str:
        """A sentence about the end of this API; "" if none is known."""
        if self.has_ended:
            return wording.end_of_api(self.api_name, self.ends_at, has_ended=True)
        if self.will_end:
            return wording.end_of_api(self.api_name, self.ends_at, has_ended=False)
        return ""

    @property
    def status_message(self) -> str:
        """The present problem of this API, in a sentence; "" if there is none."""
        return wording.explain(self.status_note, self.name)

    @property
    def pause_reason(self) -> str:
        """Why it is paused, in a sentence."""
        if self.has_ended:
            return self.end_sentence()
        if "words" in self.pause_facts:
            return wording.sentence("earlier", "words", self.name, **self.pause_facts)
        return wording.sentence("pause", self.pause_cause, self.name, **self.pause_facts)

    # Reports of the engine
    def record_end_notice(self, notice: EndNotice | None):
        """A reply announced the end of this API. Once its date has passed, sending is paused, unless resumed since.

        Replies of the same API may announce it in different words, or with other dates."""
        if notice is None:
            return
        known = {"ends_at": notice.ends_at, "end_words": notice.words}
        now = timezone.now()
        self.rows().exclude(**known, end_noticed_at__isnull=False).update(**known, end_noticed_at=now)
        is_new = Q(end_accepted_at=None)
        if notice.ends_at:
            is_new |= Q(end_accepted_at__lt=notice.ends_at)
        if notice.has_come(now) and self.rows().filter(is_new).exists():
            self.pause(Cause.RETIRED)

    def remember_account(self, found: Account):
        self.rows().update(balance=found.balance, balance_unit=found.unit, plan=found.plan, balance_at=timezone.now())

    def record_check(self):
        self.rows().update(checked_at=timezone.now())

    def is_to_be_checked(self, now: datetime) -> bool:
        if not registry.find(self.backend).is_configured:
            return False
        return self.checked_at is None or not now - self.check_interval(now) < self.checked_at <= now

    def check_interval(self, now: datetime) -> timedelta:
        """Seconds at first while the API has a problem, so that its banner goes soon after; less often the longer it
        lasts."""
        if self.status_note:
            lasted = now - (self.status_note_since or now)
            return min(max(lasted / 2, SOONEST_CHECK), CHECK_AFTER_REFUSAL)
        return CHECK_AFTER_REFUSAL if self.pause_cause in {Cause.KEY, REFUSED_KEY} else CHECK_EVERY

    @property
    def low_limit(self) -> Decimal:
        usual = LOW_BALANCE.get(self.balance_unit, LOW_BALANCE["USD"])
        return Decimal(usual) if self.low_below is None else self.low_below

    def warn_below(self, amount: Decimal | None):
        """Sets the balance below which the composer warns; None for the usual one."""
        self.rows().update(low_below=amount)

    @property
    def is_low(self) -> bool:
        """Whether the balance is so low that the composer shows it."""
        return self.balance is not None and self.balance < self.low_limit

    def rows(self):
        return RemoteAccount.objects.filter(pk=self.pk)

    def pause(self, cause: str, instead_of: str = "", **facts: Any):
        self.rows().pause(cause, instead_of, **facts)

    def resume(self):
        self.rows().resume()

    def end_pause(self, cause: str):
        """Ends a pause that the studio started itself. A pause with another cause stays. If enough replies were lost
        meanwhile, the pause continues because of those."""
        rows = self.rows().filter(pause_cause=cause)
        lost = rows.filter(unknowns_in_a_row__gte=UNKNOWNS_BEFORE_PAUSE)
        if not lost.update(pause_cause="unknowns", pause_facts=UNKNOWN_FACTS):
            rows.update(paused=False, pause_cause="", pause_facts={}, paused_at=None)

    def wait(self, delay: timedelta | None):
        """After a 429: nothing is sent for the time that the remote asked for, at least 1 s and at most 15 min."""
        delay = min(max(delay if delay is not None else USUAL_WAIT, SHORTEST_WAIT), LONGEST_WAIT)
        now = timezone.now()
        sooner = Q(not_before=None) | Q(not_before__lt=now + delay) | too_far_ahead("not_before", now, LONGEST_WAIT)
        self.rows().filter(sooner).update(not_before=now + delay)

    def count_unknown(self):
        """Several lost replies in a row mean something is wrong, and further requests would only add cost."""
        self.rows().update(unknowns_in_a_row=F("unknowns_in_a_row") + 1)
        if self.rows().filter(unknowns_in_a_row__gte=UNKNOWNS_BEFORE_PAUSE).exists():
            self.pause("unknowns", **UNKNOWN_FACTS)

    def reset_unknown_count(self):
        """The remote answered a submission properly. Writes nothing if there is nothing to reset: even an UPDATE that
        changes no row waits for other writers."""
        if self.unknowns_in_a_row or self.status_note:
            self.rows().update(unknowns_in_a_row=0, **NO_NOTE)

    def record_problem(self, cause: str):
        """The remote cannot be reached, or answers badly; a banner says so until it answers again."""
        note = f"remote.{cause}"
        self.rows().filter(status_note="").update(status_note_since=timezone.now())
        self.rows().exclude(status_note=note).update(status_note=note)

    def clear_problem(self):
        self.rows().exclude(status_note="").update(**NO_NOTE)
