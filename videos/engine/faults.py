"""What a worker's job did not foresee becomes a fault of the studio, and ends when the job works again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from videos.models.studio_fault import PASSING, Job, StudioFault

logger = logging.getLogger(__name__)


@contextmanager
def watched(job: Job) -> Iterator[None]:
    """Runs a job that is repeated by itself: what it raises is recorded and goes no further, a good end clears it.

    A database that is away is not recorded; the exception goes on to whoever waits for the database to come back.
    """
    try:
        yield
    except PASSING:
        raise
    except Exception as error:
        StudioFault.objects.record(job, error)
    else:
        StudioFault.objects.clear(job)
