"""The agency: the name and logo that clients see. One row, which owners change."""

from django.db import models

LONGEST_AGENCY = 80
OUR_NAME = "HeyGen Studio"


class AgencyQuerySet(models.QuerySet):
    def current(self) -> "Agency":
        """The stored row, or an unsaved default."""
        return self.select_related("mark").first() or Agency()

    def change(self, **fields):
        """Stores these fields of the one row; the others stay as they are."""
        self.update_or_create(pk=1, defaults=fields)


class Agency(models.Model):
    name = models.CharField(max_length=LONGEST_AGENCY, blank=True, help_text="Empty: HeyGen Studio.")
    mark = models.ForeignKey("Picture", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "agency"

    def __str__(self):
        return self.name or OUR_NAME

    def save(self, *arguments, **options):
        """The table has one row."""
        self.pk = 1
        super().save(*arguments, **options)
