"""The one row about our account at the remote side: may we send, when, how many at once, and what is wrong."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos.models.lease import is_too_far_ahead, too_far_ahead

UNKNOWNS_BEFORE_PAUSE = 3
UNKNOWNS = f"{UNKNOWNS_BEFORE_PAUSE} requests in a row ended without saying whether HeyGen accepted them."
BY_PEOPLE = frozenset({"owner", "restored"})
REFUSED_KEY = "refused_key"  # by the paid call: a free one that is answered does not prove the key good
SHORTEST_WAIT, USUAL_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=15)


class RemoteAccountQuerySet(models.QuerySet):
    def load(self) -> "RemoteAccount":
        return self.get_or_create(pk=1)[0]

    def lock(self) -> "RemoteAccount":
        """The row, locked until the transaction ends: whoever holds it is alone in counting what is in flight.

        SQLite has no row locks and needs none: its IMMEDIATE transactions are alone from their first word.
        """
        self.load()
        return self.select_for_update().get(pk=1)

    def pause(self, cause: str, sentence: str, instead_of: str = ""):
        """The first cause stands until somebody resumes, unless it is the one that `instead_of` names. What a person
        or a restore says takes the place of what the studio found by itself, which might also end by itself."""
        rows = self.filter(pk=1)
        if cause not in BY_PEOPLE:
            rows = rows.filter(Q(paused=False) | Q(pause_cause=instead_of))
        elif cause != "restored":
            rows = rows.exclude(pause_cause="restored")
        rows.update(paused=True, pause_cause=cause, pause_sentence=sentence, paused_at=timezone.now())

    def resume(self):
        self.filter(pk=1).update(
            paused=False, pause_cause="", pause_sentence="", paused_at=None, unknowns_in_a_row=0, not_before=None
        )

    def end_pause(self, cause: str):
        """What the studio found by itself is over. A pause of any other cause stands, or begins: that of replies
        that were lost meanwhile."""
        rows = self.filter(pk=1, pause_cause=cause)
        lost = rows.filter(unknowns_in_a_row__gte=UNKNOWNS_BEFORE_PAUSE)
        if not lost.update(pause_cause="unknowns", pause_sentence=UNKNOWNS):
            rows.update(paused=False, pause_cause="", pause_sentence="", paused_at=None)

    def wait(self, delay: timedelta | None):
        """After a 429: nothing is sent before the delay the remote side asked for, held between 1 s and 15 min."""
        delay = min(max(delay if delay is not None else USUAL_WAIT, SHORTEST_WAIT), LONGEST_WAIT)
        now = timezone.now()
        sooner = Q(not_before=None) | Q(not_before__lt=now + delay) | too_far_ahead("not_before", now, LONGEST_WAIT)
        self.filter(sooner, pk=1).update(not_before=now + delay)

    def count_unknown(self):
        """Several lost replies in a row mean something is wrong that sending more would only make dearer."""
        self.filter(pk=1).update(unknowns_in_a_row=F("unknowns_in_a_row") + 1)
        if self.filter(pk=1, unknowns_in_a_row__gte=UNKNOWNS_BEFORE_PAUSE).exists():
            self.pause("unknowns", UNKNOWNS)

    def reset_unknown_count(self):
        """The remote side answered a submission properly."""
        self.filter(pk=1).exclude(unknowns_in_a_row=0, trouble="").update(
            unknowns_in_a_row=0, trouble="", trouble_since=None
        )

    def note_trouble(self, sentence: str):
        """The remote side cannot be reached, or answers badly; said in a banner until it answers again."""
        self.filter(pk=1, trouble="").update(trouble_since=timezone.now())
        self.filter(pk=1).exclude(trouble=sentence).update(trouble=sentence)

    def note_reached(self):
        self.filter(pk=1).exclude(trouble="").update(trouble="", trouble_since=None)


class RemoteAccount(models.Model):
    paused = models.BooleanField(default=False)
    pause_cause = models.CharField(max_length=32, blank=True)
    pause_sentence = models.TextField(blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    max_in_flight = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: STUDIO_MAX_IN_FLIGHT.")
    unknowns_in_a_row = models.PositiveSmallIntegerField(default=0)
    trouble = models.TextField(blank=True)
    trouble_since = models.DateTimeField(null=True, blank=True)

    objects = RemoteAccountQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "HeyGen account"

    def __str__(self):
        return "Paused" if self.paused else "Sending"

    @property
    def places(self) -> int:
        """How many generations may be in flight at once."""
        return self.max_in_flight or settings.MAX_IN_FLIGHT

    def may_send(self, now: datetime) -> bool:
        return not self.paused and bool(settings.HEYGEN_API_KEY) and self.opens_at(now) <= now

    def opens_at(self, now: datetime) -> datetime:
        """When sending may begin."""
        if self.not_before is None or is_too_far_ahead(self.not_before, now, LONGEST_WAIT):
            return now
        return self.not_before
