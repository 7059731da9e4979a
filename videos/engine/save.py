"""Saving: downloads the finished video into our storage before its link expires.

One call works for one slice of time. The partial file and the record of its progress outlive the process, so the next
slice resumes there, in any process. A file gets its final name only when it is whole: first its length, its boxes and a
decode near its end are checked, then it is hashed, synced and renamed, and only then the row is written.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillBusy
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from videos import logs, stopping
from videos.exception_place import kind_and_place
from videos.lease_files import new_lease
from videos.models import Generation, Job, MetricValue, Step, StudioFault
from videos.models.lease import claim_lasts
from videos.models.metric_value import PUT_OFF
from videos.models.studio_fault import PASSING
from videos.outages import is_of_storage
from videos.remotes.errors import RemoteError
from videos.storage import probe
from videos.storage.checked_connection import Fault, FetchError
from videos.storage.digests import sha256_of_path
from videos.storage.download import ServerFacts, disk_fault, download, guard_for, interrupted, size_of
from videos.storage.folders import make_folder
from videos.storage.mp4_boxes import end_of_boxes
from videos.storage.names import Names, final_path, partial_path, progress_path
from videos.storage.not_saved import NotSaved
from videos.storage.partial_file import DownloadProgress, NotStored, OpenElsewhere, opened, publish

logger = logging.getLogger(__name__)

LONGEST_SLICE = 1200.0  # seconds, for a server that cannot resume; the queue allows a save task 1800
SLICE_SECONDS = 60.0  # of downloading; checking and publishing begin only in the first half of a slice
LONGEST_DELAY = timedelta(minutes=5)
DISK_DELAY = timedelta(minutes=1)
RARE_DELAY = timedelta(hours=1)  # when each try costs a whole download, or only a person can help
LOCKED_DELAY = timedelta(seconds=10)
TRIES_IN_A_SLICE = 60  # even if each makes progress: a server may send one byte at a time
FRUITLESS_BEFORE_RESTART = 3  # when the bytes that we have are doubtful
FRUITLESS_BEFORE_DOUBT = 8  # when they are not, but no server resumes from them
BAD_LINK = frozenset({Fault.DEAD_LINK, Fault.FORBIDDEN, Fault.WRONG_BYTES})
NEEDS_NEW_LINK = BAD_LINK | {Fault.UNREACHABLE}


class SliceOver(Exception):
    """Time is up, or the worker is stopping: the next slice resumes here."""


class LeaseLost(Exception):
    """Another process has claimed the row, or it has moved on: this process must not touch it any more."""


class NoNewLink(NotSaved):
    """The link has expired, and the remote API gives no other one."""

    delay: timedelta | None = None


class Forgotten(NoNewLink):
    """The remote API no longer knows the video."""

    delay = timedelta(minutes=5)


def save(pk: int, is_stopping: Callable[[], bool] = stopping.is_set, seconds: float = SLICE_SECONDS) -> bool:
    """Saves this generation for one slice of time, if it is due. True: call again at once."""
    with new_lease() as token:
        generation = Generation.objects.claim_to_save(pk, token)
        if generation is None:
            return False
        with logs.about(generation):
            return save_slice(generation, is_stopping, seconds)


def save_slice(generation: Generation, is_stopping: Callable[[], bool], seconds: float) -> bool:
    names = Names.of(generation)
    try:
        with opened(partial_path(names.video), final_path(names.video)) as file:
            return Saving(generation, names, file, is_stopping, seconds).work()
    except LeaseLost:
        return False
    except OpenElsewhere:
        generation.delay_saving(generation.lease_token, LOCKED_DELAY)
        return False
    except PASSING:
        try_later(generation, NotSaved("saving.database"), DISK_DELAY)
    except Exception as error:  # a video that always fails must not be tried silently forever
        try_later_after(error, generation)
    return False


def try_later_after(error: Exception, generation: Generation):
    """Errors of the storage may pass, or its owner must act; any other exception is a fault of the studio."""
    if isinstance(error, OSError) and is_of_storage(error):
        try_later(generation, disk_fault(error), DISK_DELAY)
        return
    StudioFault.objects.record(Job.SAVING, error, generation.pk)
    try_later(generation, NotSaved("saving.own_fault", detail=kind_and_place(error)), LONGEST_DELAY)


# One slice
class Saving:
    """One slice of saving one generation, under its lease and with its partial file locked."""

    def __init__(self, generation: Generation, names: Names, file: BinaryIO, is_stopping, seconds: float):
        self.generation, self.names, self.file = generation, names, file
        self.is_stopping, self.seconds = is_stopping, seconds
        self.token = generation.lease_token
        self.partial = partial_path(names.video)
        self.began = self.renewed_at = time.monotonic()
        self.guard = guard_for(generation.remote.trusted_origin)
        self.no_new_link: NoNewLink | None = None
        self.progress = DownloadProgress()
        kept = DownloadProgress.read(progress_path(self.partial))
        if kept is None:
            self.start_over()
        self.progress = kept or self.progress

    def start_over(self):
        """Discards all bytes of the file, but not the count of fruitless attempts."""
        self.file.truncate(0)
        self.progress.facts, self.progress.is_synced = ServerFacts(), False

    def work(self) -> bool:
        try:
            if not self.is_complete():
                self.find_link()
            if not self.download_all():
                return False
            if self.elapsed() > self.seconds / 2:
                raise SliceOver
            return self.finish()
        except SliceOver:
            return self.generation.delay_saving(self.token, timedelta(0))
        except NoNewLink as error:
            self.count_fruitless()
            try_later(self.generation, error, error.delay or self.backoff())
        except NotStored as error:
            try_later(self.generation, error, DISK_DELAY)
        except FetchError as error:
            self.count_fruitless()
            self.give_up_for_now(error)
        return False

    # Downloading
    def download_all(self) -> bool:
        """True when the file is complete; False if it is tried later. Tries again at once as long as that helps."""
        for _ in range(TRIES_IN_A_SLICE):
            before = size_of(self.file)
            try:
                self.download()
                return True
            except FetchError as error:
                if self.no_new_link and error.fault in BAD_LINK:
                    raise self.no_new_link from None
                progressed = size_of(self.file) > before
                self.progress.fruitless = 0 if progressed else self.progress.fruitless + 1
                if error.fault == Fault.INTERRUPTED and self.progress.fruitless == FRUITLESS_BEFORE_DOUBT:
                    self.start_over()
                self.write_progress()
                self.generation.log(Step.INTERRUPTED, code=error.code, facts=error.facts)
                if not self.may_try_at_once(error):
                    self.give_up_for_now(error)
                    return False
                if error.fault in NEEDS_NEW_LINK:
                    self.progress.link_failed = error.fault
                    self.find_link()
        try_later(self.generation, interrupted(size_of(self.file)), timedelta(seconds=1))
        return False

    def may_try_at_once(self, error: FetchError) -> bool:
        if error.fault in {Fault.DISK, Fault.TOO_LARGE, Fault.STALLED, Fault.SERVER}:
            return False
        return self.progress.fruitless <= 1

    def is_complete(self) -> bool:
        return self.progress.facts.length is not None and self.progress.facts.length == size_of(self.file)

    def download(self):
        facts = self.progress.facts
        if not self.is_complete():
            link = self.generation.video_url
            download(link, self.file, facts, self.guard, tick=self.tick, learned=self.write_progress)
        self.require_whole_boxes()
        facts.length = size_of(self.file)
        self.write_progress()

    def require_whole_boxes(self):
        """Checks that the boxes reach the end of the file, whose length may be claimed wrongly. Raises FetchError."""
        size, facts = size_of(self.file), self.progress.facts
        end = end_of_boxes(self.file, size)
        if end == size or (end is not None and end < size and facts.length is not None):
            return
        facts.length = None  # the server's claim was wrong
        if end is None or self.progress.fruitless >= FRUITLESS_BEFORE_RESTART:
            self.start_over()
        raise interrupted(size)

    def tick(self):
        """Called about twice a second while downloading."""
        longest = max(self.seconds, LONGEST_SLICE) if self.progress.facts.starts_over else self.seconds
        if self.is_stopping() or self.elapsed() > longest:
            raise SliceOver
        self.renew_lease()

    def renew_lease(self):
        if time.monotonic() - self.renewed_at < claim_lasts().total_seconds() / 4:
            return
        self.renewed_at = time.monotonic()
        if not self.generation.keep_claim(self.token):
            raise LeaseLost

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def write_progress(self):
        self.progress.write(progress_path(self.partial))

    def count_fruitless(self):
        self.progress.fruitless += 1
        with suppress(OSError):
            self.write_progress()

    # The link
    def find_link(self):
        """Keeps the link if it works, or asks for another one if it failed.

        While there is no other, the old one is tried once in each slice: the network may have failed, not the link.
        """
        if self.generation.video_url and not self.progress.link_failed:
            return
        try:
            self.renew_link()
        except NoNewLink as error:
            if not self.generation.video_url:
                raise
            self.no_new_link = error
        else:
            self.progress.link_failed = ""

    def renew_link(self):
        """Asks the remote API for a new link to the same video. Raises NoNewLink."""
        self.renew_lease()
        try:
            found = self.in_background(self.generation.remote.poll, self.generation.remote_id)
        except RemoteError as error:
            raise NoNewLink("saving.no_new_link", remote_cause=error.cause) from None
        if found.is_missing:
            raise Forgotten("saving.forgotten")
        if not found.is_completed:
            raise NoNewLink("saving.no_link_now")
        if not self.generation.renew_link(self.token, found.video_url):
            raise LeaseLost
        self.generation.video_url = found.video_url

    # The end
    def finish(self) -> bool:
        """Checks the video, makes its pictures, publishes all three, and writes the row. False: do not call again."""
        partials = [partial_path(name) for name in (self.names.poster, self.names.last_frame)]
        try:
            facts = self.in_background(examine, self.partial, *partials)
        except probe.NotAVideo as error:
            return self.refuse_bytes(error)
        self.renew_lease()
        digest = self.in_background(sha256_of_path, self.partial)
        self.in_background(os.fsync, self.file.fileno())
        self.progress.is_synced = True
        self.write_progress()
        if not self.generation.keep_claim(self.token):
            raise LeaseLost
        for name in self.names.to_publish:
            self.in_background(publish, name)
        copy = self.names.saved_video(facts, size_of(self.file), digest)
        if self.generation.keep_video(self.token, copy):
            self.clear()
            StudioFault.objects.clear(Job.SAVING, [self.generation.pk])
        return False

    def in_background(self, work: Callable, *arguments):
        """Runs long work in a low-priority thread while this thread renews the lease."""
        with ThreadPoolExecutor(max_workers=1, initializer=lower_priority) as pool:
            future = pool.submit(work, *arguments)
            while True:
                try:
                    return future.result(timeout=1)
                except StillBusy:
                    self.renew_lease()

    def refuse_bytes(self, error: probe.NotAVideo) -> bool:
        if isinstance(error, probe.Unreadable):  # the bytes stay: a later version may read them
            try_later(self.generation, error, RARE_DELAY)
            return False
        self.start_over()
        if self.no_new_link:
            raise self.no_new_link from None
        self.count_fruitless()
        self.give_up_for_now(FetchError(Fault.WRONG_BYTES, error.code, **error.facts))
        return False

    def clear(self):
        for name in (self.names.video, self.names.poster, self.names.last_frame):
            partial_path(name).unlink(missing_ok=True)
        progress_path(self.partial).unlink(missing_ok=True)

    # Trying later
    def give_up_for_now(self, error: FetchError):
        if error.fault == Fault.DISK:
            self.free_space()
        elif error.fault == Fault.TOO_LARGE:
            self.start_over()
        if error.fault in NEEDS_NEW_LINK or self.has_failed_often(error):
            self.progress.link_failed = error.fault  # the next slice begins by asking for another link
            with suppress(OSError):
                self.write_progress()
        try_later(self.generation, error, self.delay_after(error))

    def has_failed_often(self, error: FetchError) -> bool:
        """A server may have problems for a long time, and another link may lead to another server."""
        often = error.fault == Fault.TOO_LARGE or self.progress.fruitless >= FRUITLESS_BEFORE_RESTART
        return often and error.fault != Fault.DISK

    def delay_after(self, error: FetchError) -> timedelta:
        if error.fault == Fault.DISK:
            return DISK_DELAY
        if error.fault == Fault.TOO_LARGE:
            return RARE_DELAY
        longest = RARE_DELAY if error.fault == Fault.WRONG_BYTES else LONGEST_DELAY
        return self.backoff(longest)

    def backoff(self, longest: timedelta = LONGEST_DELAY) -> timedelta:
        return min(longest, timedelta(seconds=2 ** min(20, max(0, self.progress.fruitless - 2))))

    def free_space(self):
        """Partial files can fill a disk so that none is ever completed: only the oldest one keeps its bytes."""
        if Generation.objects.filter(status=self.generation.status, pk__lt=self.generation.pk).exists():
            self.start_over()


def try_later(generation: Generation, error: NotSaved, delay: timedelta):
    logger.info("Saving %s is put off for %s: %s", generation.public_id, delay, error)
    generation.delay_saving(generation.lease_token, delay, error.code, **error.facts)
    if settings.METRICS_TOKEN:
        MetricValue.objects.add({(PUT_OFF, "", error.code.partition(".")[2]): 1})


def lower_priority():
    with suppress(OSError):  # only on Linux do threads have priorities of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def examine(partial: Path, poster: Path, last_frame: Path) -> probe.VideoFacts:
    """Checks that the file is a whole video, and makes its two pictures. Raises probe.NotAVideo, or OSError."""
    facts = probe.check_video(partial)
    for picture in (poster, last_frame):
        make_folder(picture.parent)
    probe.poster(partial, poster)
    probe.last_frame(partial, last_frame)
    return facts
