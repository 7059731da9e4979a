import fcntl
import shutil
import signal
import stat
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.generations import completed
from tests.parts.processes import wait_until
from tests.parts.saving import make_due, save_until_ready, start_saver, stored_sha256, true_sha256
from tests.parts.standin import Standin
from videos import tasks
from videos.engine.save import save
from videos.host_locks import host_lock
from videos.limits import SAVERS
from videos.models import Generation, SavedVideo
from videos.storage.names import Names, partial_path, progress_path

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def generation(remote, owner):
    return completed(remote, owner)[0]


@pytest.fixture(scope="module")
def heavy_standin(tmp_path_factory):
    options = ("--control", "--draft", "--speed", "50", "--weight", str(3_000_000))
    standin = Standin(tmp_path_factory.mktemp("heavy"), options=options)
    yield standin
    standin.stop()


@pytest.fixture
def heavy_remote(heavy_standin, settings):
    heavy_standin.clear()
    settings.HEYGEN_API_KEY = "test-key"
    settings.HEYGEN_API_URL = heavy_standin.url
    return heavy_standin


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_a_finished_video_becomes_a_saved_copy_with_its_own_bytes(remote, generation):
    assert save(generation.pk) is False
    generation.refresh_from_db()
    copy = generation.saved_video
    assert generation.status == "ready"
    assert copy.sha256 == stored_sha256(generation) == true_sha256(remote, generation)
    assert copy.size == default_storage.size(copy.file.name) > 0
    assert (copy.width, copy.height, copy.codec, copy.has_sound) == (160, 90, "h264", False)
    assert copy.seconds == pytest.approx(1, abs=0.1)


def test_poster_and_last_frame_are_saved_too_and_nothing_else_is_left(generation):
    save_until_ready(generation)
    name = f"{generation.public_id.hex[:2]}/{generation.public_id}"
    assert files_in(settings.MEDIA_ROOT) == [f"frames/{name}.jpg", f"posters/{name}.jpg", f"videos/{name}.mp4"]


def test_files_and_folders_are_closed_to_other_users(generation):
    save_until_ready(generation)
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_the_signed_link_is_forgotten_once_the_copy_is_saved(generation):
    assert "Signature" in generation.video_url
    assert save_until_ready(generation).video_url == ""


def test_the_key_is_never_sent_to_a_file_host(remote, generation):
    save_until_ready(generation)
    requests = remote.requests("file")
    assert requests
    assert not any(request["key_sent"] for request in requests)
    assert not any("cookie" in request["headers"] for request in requests)


def test_saving_five_times_changes_nothing(remote, generation):
    assert [save(generation.pk) for _ in range(5)] == [False] * 5
    assert SavedVideo.objects.count() == 1
    assert len(remote.requests("file")) == 1


def test_a_generation_that_is_not_due_or_gone_is_left_alone(remote, generation):
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    assert save(generation.pk) is False
    assert save(999_999) is False
    assert remote.requests("file") == []


def test_a_stopping_worker_ends_its_slice_and_leaves_the_row_due(generation):
    assert save(generation.pk, is_stopping=lambda: True) is True
    generation.refresh_from_db()
    assert (generation.status, generation.lease_token, generation.status_message) == ("saving", None, "")
    save_until_ready(generation)


def test_a_saver_goes_on_with_the_videos_that_have_no_task(remote, owner):
    first, *_ = completed(remote, owner, count=3)
    tasks.save(first.pk)
    assert {one.status for one in Generation.objects.all()} == {"ready"}


def test_one_saver_is_left_for_what_can_be_saved(remote, owner):
    """Each download that hangs holds a saver for half a minute, and is tried again and again."""
    hung, fine, newest = completed(remote, owner, count=3)
    Generation.objects.filter(pk=hung.pk).update(status_note="saving.stalled")
    Generation.objects.filter(pk=fine.pk).update(status_note="saving.disk_full")  # which was so for all
    with host_lock(settings.DATA / "saving", SAVERS), host_lock(settings.DATA / "saving-in-turn", 1) as is_busy:
        assert is_busy
        tasks.save(hung.pk)
    assert [one.status for one in (hung, fine, newest) if one.refresh_from_db() is None] == ["saving", "ready", "ready"]
    assert newest.saved_at < fine.saved_at
    tasks.save(hung.pk)
    hung.refresh_from_db()
    assert hung.status == "ready", "the other one takes everything in turn"


def test_a_video_that_needs_more_than_a_slice_gets_a_task_for_the_next(heavy_remote, owner, monkeypatch):
    [generation] = completed(heavy_remote, owner)
    heavy_remote.faults([{"call": "file", "do": {"drip": 150_000}}])
    monkeypatch.setattr(tasks.saving, "save", partial(save, seconds=1))
    tasks.save(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "saving"
    enqueued = [row.task for row in OrmQ.objects.all()]
    assert [task["args"] for task in enqueued if task["func"] == "videos.tasks.save"] == [(generation.pk,)]


def test_a_long_download_continues_from_slice_to_slice(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    heavy_remote.faults([{"call": "file", "do": {"drip": 150_000}}])
    draft, sizes = partial_path(Names.of(generation).video), [0]
    while len(sizes) < 3:  # on a slow machine a slice may end before it has begun
        assert save(generation.pk, seconds=1) is True
        generation.refresh_from_db()
        assert (generation.status, generation.lease_token) == ("saving", None)
        size = draft.stat().st_size if draft.exists() else 0
        assert size >= sizes[-1]
        sizes += [size] if size > sizes[-1] else []
    heavy_remote.faults([])
    assert generation.status_message == ""
    save_until_ready(generation)
    video = heavy_remote.videos()[generation.remote_id]
    assert generation.saved_video.sha256 == video["sha256"]
    assert video["bytes_sent"] < 1.5 * video["size"]


def test_a_missing_copy_is_fetched_again_with_a_fresh_link(remote, generation):
    save_until_ready(generation)
    Path(default_storage.path(generation.saved_video.file.name)).unlink()
    assert generation.fetch_again()
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(remote, generation)


def test_a_copy_that_was_named_but_has_no_row_yet_is_checked_and_kept_without_fetching_it_twice(
    heavy_remote, owner, settings
):
    [generation] = completed(heavy_remote, owner)
    names = Names.of(generation)
    stop_in(generation, heavy_remote, "keep_video")
    assert default_storage.exists(names.video)
    assert Generation.objects.get(pk=generation.pk).status == "saving"
    release(generation)
    sent = heavy_remote.videos()[generation.remote_id]["bytes_sent"]
    save_until_ready(generation)
    assert heavy_remote.videos()[generation.remote_id]["bytes_sent"] == sent
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)
    assert not any(name.startswith(".") for name in files_in(settings.MEDIA_ROOT))


def test_a_complete_copy_is_kept_after_a_reboot_lost_its_notes_and_its_link_expired(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    true = true_sha256(heavy_remote, generation)
    stop_in(generation, heavy_remote, "keep_video")
    release(generation)
    progress_path(partial_path(Names.of(generation).video)).unlink(missing_ok=True)
    Generation.objects.filter(pk=generation.pk).update(video_url="")
    heavy_remote.faults([{"call": "poll", "do": {"status": 500}}, {"call": "file", "do": {"status": 404}}])
    save_until_ready(generation)
    assert stored_sha256(generation) == true


def test_a_copy_that_a_backup_shares_is_copied_and_the_backup_stays(heavy_remote, owner, tmp_path):
    [generation] = completed(heavy_remote, owner)
    stop_in(generation, heavy_remote, "keep_video")
    release(generation)
    final = Path(default_storage.path(Names.of(generation).video))
    backup = tmp_path / "backup.mp4"
    backup.hardlink_to(final)
    heavy_remote.faults([{"call": "poll", "do": {"status": 500}}, {"call": "file", "do": {"status": 404}}])
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)
    assert final.stat().st_ino != backup.stat().st_ino
    assert backup.read_bytes() == final.read_bytes()


def test_a_whole_file_put_back_by_hand_is_taken_in_place_of_half_a_download(heavy_remote, owner, tmp_path):
    [generation] = completed(heavy_remote, owner)
    stop_in(generation, heavy_remote, "keep_video")
    release(generation)
    final = Path(default_storage.path(Names.of(generation).video))
    final.rename(tmp_path / "kept.mp4")
    cut = {"call": "file", "do": {"cut": 0.3, "withdraw": True}}
    heavy_remote.faults([cut, {"call": "poll", "do": {"status": 500}}])
    assert save(generation.pk) is False
    assert partial_path(Names.of(generation).video).stat().st_size > 0
    shutil.move(tmp_path / "kept.mp4", final)
    make_due(generation)
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)


def test_an_incomplete_video_under_the_final_name_is_replaced(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    final = Path(default_storage.path(Names.of(generation).video))
    final.parent.mkdir(parents=True)
    final.write_bytes(b"\0\0\0\x18ftypisom" + bytes(5_000_000))
    save_until_ready(generation, impatient=True)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)


def test_a_download_killed_halfway_resumes_where_it_was(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    heavy_remote.faults([{"call": "file", "first": 1, "do": {"drip": 100_000}}])
    draft = partial_path(Names.of(generation).video)
    child = start_saver(generation, standin=heavy_remote)
    wait_until(lambda: draft.exists() and draft.stat().st_size > 200_000, what="half a download")
    child.kill()
    child.wait()
    have = draft.stat().st_size
    release(generation)
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)
    resumed = heavy_remote.requests("file")[-1]
    first = int(resumed["headers"]["range"].removeprefix("bytes=").removesuffix("-"))
    assert resumed["headers"]["if-range"]
    assert have - 1024 < first < have


def test_a_new_link_to_the_same_bytes_resumes_too(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    heavy_remote.faults([{"call": "file", "first": 1, "do": {"cut": 0.5, "withdraw": True}}])
    save_until_ready(generation)
    video = heavy_remote.videos()[generation.remote_id]
    assert generation.saved_video.sha256 == video["sha256"]
    assert video["bytes_sent"] < 1.3 * video["size"]
    assert len({request["path"] for request in heavy_remote.requests("file")}) == 2


def test_bytes_that_a_power_cut_may_have_lost_are_not_trusted(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    draft = partial_path(Names.of(generation).video)
    draft.parent.mkdir(parents=True)
    draft.write_bytes(bytes(1_000_000))
    progress_path(draft).write_text(
        '{"facts": {"etag": "", "modified": "", "length": 3000000}, "fruitless": 0, "boot": "?"}'
    )
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)


def test_a_partial_file_that_a_frozen_worker_still_holds_is_not_touched(generation):
    draft = partial_path(Names.of(generation).video)
    draft.parent.mkdir(parents=True)
    with draft.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert save(generation.pk) is False
        generation.refresh_from_db()
        assert (generation.status, generation.lease_token) == ("saving", None)
        assert draft.stat().st_size == 0
    make_due(generation)
    save_until_ready(generation)


def test_a_worker_frozen_past_its_lease_writes_nothing_when_it_wakes(heavy_remote, owner):
    [generation] = completed(heavy_remote, owner)
    heavy_remote.faults([{"call": "file", "first": 1, "do": {"drip": 300_000}}])
    draft = partial_path(Names.of(generation).video)
    child = start_saver(generation, standin=heavy_remote)
    wait_until(lambda: draft.exists() and draft.stat().st_size > 100_000, 30, "a download that has begun")
    child.send_signal(signal.SIGSTOP)
    release(generation)
    assert save(generation.pk) is False  # it still holds the partial file
    child.send_signal(signal.SIGCONT)
    child.wait(240)
    save_until_ready(generation, impatient=True)
    assert SavedVideo.objects.count() == 1
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)


def test_an_owner_who_stops_waiting_ends_the_saving(heavy_remote, owner, settings):
    [generation] = completed(heavy_remote, owner)
    settings.LEASE_SECONDS = 0.4  # not while it is sent, which would have half of that
    stopped = []

    def stop_waiting():
        if not stopped:
            stopped.append(Generation.objects.get(pk=generation.pk).stop_waiting())
        return False

    heavy_remote.faults([{"call": "file", "do": {"drip": 1_000_000}}])
    assert save(generation.pk, is_stopping=stop_waiting) is False
    generation.refresh_from_db()
    assert stopped == [True]
    assert generation.status == "stopped"
    assert not default_storage.exists(Names.of(generation).video)


def test_a_quota_counts_as_a_full_disk_and_leaves_no_half_file(heavy_remote, owner):
    """A limit on the size of files imitates a quota: the write itself fails, however much space is free."""
    [generation] = completed(heavy_remote, owner)
    if connection.vendor == "sqlite":  # the limit is for all files of the process, and the journal is one
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert start_saver(generation, standin=heavy_remote, file_limit=700_000).wait(240) == 0
    generation.refresh_from_db()
    assert "the studio's disk is full" in generation.status_message
    assert not default_storage.exists(Names.of(generation).video)
    make_due(generation)
    save_until_ready(generation)
    assert stored_sha256(generation) == true_sha256(heavy_remote, generation)


def stop_in(generation, standin, method):
    assert start_saver(generation, standin=standin, DIE_IN=method).wait(240) == -signal.SIGKILL


def release(generation):
    """The lease of a dead worker runs out."""
    Generation.objects.filter(pk=generation.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
