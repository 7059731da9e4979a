"""Watches a job that is repeated anyway: what it did not foresee is a fault of the studio until it works again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from videos.models.studio_fault import PASSING, Job, StudioFault

logger = logging.getLogger(__name__)


@contextmanager
def watched(job: Job) -> Iterator[None]:
    """For a job that is repeated anyway: an exception is recorded and goes no further; success clears the fault.

    An unavailable database is not recorded; that exception is raised, for the caller who waits for the database.
    """
    try:
        yield
    except PASSING:
        raise
    except Exception as error:
        StudioFault.objects.record(job, error)
    else:
        StudioFault.objects.clear(job)
