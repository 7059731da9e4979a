"""Locks that last as long as a transaction. Each is a row of its own, so it can protect more than one row."""

from django.db import models


class DatabaseLockQuerySet(models.QuerySet):
    def acquire(self, name: str) -> "DatabaseLock":
        """Waits until nobody else has the lock, and keeps it until the transaction ends.

        SQLite has no row locks and needs none: only one of its IMMEDIATE transactions runs at a time.
        """
        known, _ = self.get_or_create(name=name)
        return self.select_for_update(no_key=True).get(pk=known.pk)


class DatabaseLock(models.Model):
    name = models.CharField(max_length=32, unique=True)

    objects = DatabaseLockQuerySet.as_manager()

    def __str__(self):
        return self.name


BUDGETS = "budgets"  # held while a batch is checked against the budgets and made
OWNERS = "owners"  # held while the number of owners is counted and changed
