"""Problems of the studio's environment that need a person: found by one process, shown by all.

An alarm closes when its cause is gone, or after it was not renewed for a while, since its host may be gone.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from videos.models.prepared import prepared
from videos.models.studio_settings import current

SEEN_AGAIN_EVERY = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(minutes=15)
LASTING = timedelta(days=7)  # for problems that are checked once a day
MAX_SHOWN = 5  # at the top of a page
REPORTED_AGAIN_AFTER = timedelta(minutes=10)  # if it comes back soon after its end was reported


class AlarmQuerySet(models.QuerySet):
    def open(self):
        return self.seen_since(*self.oldest_open())

    def open_of(self, kinds: Iterable[str]) -> "list[Alarm]":
        """The first open alarms of these kinds."""
        return self.first_seen_since(*self.oldest_open(), list(kinds))

    def oldest_open(self) -> tuple[datetime, datetime]:
        """The times after which an open alarm was last seen: a short-lived one, and one that lasts."""
        now = timezone.now()
        return now - FORGOTTEN_AFTER, now - LASTING

    def seen_since(self, moment: datetime, lasting: datetime):
        seen = models.Q(seen_at__gt=moment) | models.Q(is_lasting=True, seen_at__gt=lasting)
        return self.filter(seen, ended_at=None).order_by("pk")

    @prepared
    def first_seen_since(self, moment: datetime, lasting: datetime, kinds: list[str]):
        return self.seen_since(moment, lasting).filter(kind__in=kinds)[:MAX_SHOWN]

    def set_off(self, kind: str, subject: str, sentence: str, is_lasting: bool = False):
        """Raises the alarm, or updates an existing one; cheap when called often."""
        now = timezone.now()
        standing = self.open().filter(kind=kind, subject=subject, sentence=sentence)
        if standing.filter(seen_at__gt=now - SEEN_AGAIN_EVERY).exists() or standing.update(seen_at=now):
            return
        fields = {"sentence": sentence, "is_lasting": is_lasting, "since": now, "seen_at": now, "ended_at": None}
        if self.open().filter(kind=kind, subject=subject).exists():  # only its sentence has changed
            self.filter(kind=kind, subject=subject).update(**fields)
            return
        self.update_or_create(kind=kind, subject=subject, defaults=fields | {"told_at": None})

    def unreported(self):
        """Alarms whose beginning or end was not yet sent outside the browser, to somebody who wants that."""
        wanted = [kind for kind in Alarm.Kind if kind == Alarm.Kind.OWN_BUDGET or current().notifies_of(kind)]
        is_news = models.Q(told_end_at=None) | models.Q(told_end_at__lte=timezone.now() - REPORTED_AGAIN_AFTER)
        began = self.open().filter(is_news, told_at=None)
        ended = self.filter(told_at__isnull=False, ended_at__isnull=False, told_end_at=None)
        return (began | ended).filter(kind__in=wanted).order_by("pk")

    def end(self, kind: str, subject: str):
        """Ends the alarm, if it is on. Looking first costs a sender nothing; an UPDATE would wait for other writers."""
        if self.not_ended(kind, subject):
            self.filter(kind=kind, subject=subject, ended_at=None).update(ended_at=timezone.now())

    @prepared
    def not_ended(self, kind: str, subject: str):
        return self.filter(kind=kind, subject=subject, ended_at=None).values_list("pk", flat=True)


class Alarm(models.Model):
    class Kind(models.TextChoices):
        DISK = "disk", "The disk is nearly full"
        BACKUP = "backup", "The backup failed"
        SENDING = "sending", "Sending is paused"
        BUDGET = "budget", "The budget is used up"
        OWN_BUDGET = "own_budget", "Your budget is used up"
        WORKER = "worker", "The worker is not running"

    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=64, blank=True, help_text="The host, the API or the member that it is about.")
    sentence = models.TextField()
    is_lasting = models.BooleanField(default=False)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When it was sent outside the browser.")
    told_end_at = models.DateTimeField(null=True, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_alarm_of_a_kind_for_each_subject")]

    def __str__(self):
        return self.sentence

    @property
    def title(self) -> str:
        return self.get_kind_display()

    def claim_report(self) -> bool:
        """Marks it as reported. Of several processes that are about to report it, one gets True."""
        now, row = timezone.now(), Alarm.objects.filter(pk=self.pk)
        if self.ended_at:
            return bool(row.filter(told_end_at=None).update(told_end_at=now))
        return bool(row.filter(told_at=None).update(told_at=now, told_end_at=None))
