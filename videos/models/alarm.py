"""Problems of the studio's environment that need a person: found by one process, shown by all.

An alarm is open until the cause is gone, or until nobody has seen it for a while: the host that found it may be gone.
"""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from videos.models.studio_settings import current

SEEN_AGAIN_EVERY = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(minutes=15)
LASTING = timedelta(days=7)  # for problems that are checked once a day


class AlarmQuerySet(models.QuerySet):
    def open(self):
        now = timezone.now()
        seen = models.Q(seen_at__gt=now - FORGOTTEN_AFTER) | models.Q(is_lasting=True, seen_at__gt=now - LASTING)
        return self.filter(seen, ended_at=None).order_by("pk")

    def set_off(self, kind: str, subject: str, sentence: str, is_lasting: bool = False):
        """Raises the alarm, or updates an existing one; cheap when called often."""
        now = timezone.now()
        standing = self.open().filter(kind=kind, subject=subject, sentence=sentence)
        if standing.filter(seen_at__gt=now - SEEN_AGAIN_EVERY).exists() or standing.update(seen_at=now):
            return
        fields = {"sentence": sentence, "is_lasting": is_lasting, "since": now, "seen_at": now, "ended_at": None}
        if self.open().filter(kind=kind, subject=subject).exists():  # it only says something else by now
            self.filter(kind=kind, subject=subject).update(**fields)
            return
        untold = {"told_at": None, "told_end_at": None}
        self.update_or_create(kind=kind, subject=subject, defaults=fields | untold)

    def to_be_told(self):
        """Those that nobody outside was told of, neither that they began nor that they ended."""
        began = self.open().filter(told_at=None)
        ended = self.filter(told_at__isnull=False, ended_at__isnull=False, told_end_at=None)
        return (began | ended).order_by("pk")

    def wait_to_be_told(self) -> bool:
        return bool(current().notify_urls) and self.to_be_told().exists()

    def end(self, kind: str, subject: str) -> int:
        return self.filter(kind=kind, subject=subject, ended_at=None).update(ended_at=timezone.now())


class Alarm(models.Model):
    class Kind(models.TextChoices):
        DISK = "disk", "The disk is nearly full"
        BACKUP = "backup", "The backup failed"
        SENDING = "sending", "Sending is paused"
        BUDGET = "budget", "The budget is used up"
        WORKER = "worker", "The worker is not running"

    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=64, blank=True, help_text="The host, where it is about one.")
    sentence = models.TextField()
    is_lasting = models.BooleanField(default=False)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="Outside the browser.")
    told_end_at = models.DateTimeField(null=True, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_alarm_of_a_kind_for_each_subject")]

    def __str__(self):
        return self.sentence

    @property
    def title(self) -> str:
        return self.get_kind_display()

    def note_told(self):
        field = "told_end_at" if self.ended_at else "told_at"
        Alarm.objects.filter(pk=self.pk).update(**{field: timezone.now()})
