import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.conf import settings as conf
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from tests.parts.generations import completed, picture
from tests.parts.saving import checkstudio, save_until_ready, stored_sha256, true_sha256
from videos.admin.timeline import timeline
from videos.models import Generation, Picture, ProcessLock, SavedVideo
from videos.storage.consistency import compare, empty_trash, nightly, tonight
from videos.storage.names import Names, partial_path

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def saved(remote, owner):
    """A ready generation with its whole copy."""
    return save_until_ready(completed(remote, owner)[0])


def path_of(file):
    return Path(default_storage.path(file.name))


def flip_a_bit(file):
    content = bytearray(path_of(file).read_bytes())
    content[len(content) // 2] ^= 1
    path_of(file).write_bytes(content)


def age(path, **ago):
    moment = time.time() - timedelta(**ago).total_seconds()
    os.utime(path, (moment, moment))


def place(name, content=b"what is this?", **ago):
    default_storage.save(name, ContentFile(content))
    age(default_storage.path(name), **ago)


def test_a_studio_in_order_gets_a_clean_report(saved, owner):
    picture()
    assert checkstudio("--deep") == (0, "1 saved copies and 1 pictures were checked. All is well.\n")


def test_a_missing_copy_is_found_and_fetched_again_from_the_remote_api(remote, saved):
    before = saved.saved_video.sha256
    path_of(saved.saved_video.file).unlink()
    code, said = checkstudio()
    assert code == 1
    assert f"missing: {saved.saved_video.file.name}" in said
    code, said = checkstudio("--repair")
    assert code == 0
    assert "HeyGen still has it: it is fetched again" in said
    save_until_ready(saved)
    assert stored_sha256(saved) == before == true_sha256(remote, saved)
    assert checkstudio("--deep")[0] == 0


def test_a_copy_of_another_size_is_set_aside_and_fetched_again(remote, saved):
    name = saved.saved_video.file.name
    path_of(saved.saved_video.file).write_bytes(b"not what it was")
    code, said = checkstudio()
    assert (code, "has 15 bytes in place of" in said) == (1, True)
    assert checkstudio("--repair")[0] == 0
    assert default_storage.open(f"lost-and-found/{name}").read() == b"not what it was"
    save_until_ready(saved)
    assert stored_sha256(saved) == true_sha256(remote, saved)
    assert checkstudio("--deep")[0] == 0


def test_only_a_deep_check_finds_a_single_flipped_bit(remote, saved):
    flip_a_bit(saved.saved_video.file)
    assert checkstudio()[0] == 0
    code, said = checkstudio("--deep")
    assert (code, "other bytes than the saved copy" in said) == (1, True)
    assert checkstudio("--deep", "--repair")[0] == 0
    save_until_ready(saved)
    assert stored_sha256(saved) == true_sha256(remote, saved)


def test_a_copy_that_the_remote_no_longer_has_is_not_given_up(remote, saved):
    path = path_of(saved.saved_video.file)
    content = path.read_bytes()
    path.unlink()
    remote.faults([{"call": "poll", "do": {"status_word": "not_found"}}])
    code, said = checkstudio("--repair")
    assert (code, "HeyGen no longer has it" in said) == (1, True)
    saved.refresh_from_db()
    assert saved.status == "ready"
    path.write_bytes(content)  # from a backup, say
    assert checkstudio("--deep")[0] == 0


def test_an_unreachable_remote_loses_nothing(remote, saved):
    path_of(saved.saved_video.file).unlink()
    remote.faults([{"call": "poll", "do": {"status": 503}}])
    code, said = checkstudio("--repair")
    assert (code, "could not be asked" in said) == (1, True)
    assert SavedVideo.objects.count() == 1


def test_a_missing_poster_is_drawn_again_from_the_copy(remote, saved):
    copy = saved.saved_video
    whole = path_of(copy.poster).read_bytes()
    path_of(copy.poster).unlink()
    path_of(copy.last_frame).write_bytes(b"")
    asked = len(remote.requests())
    code, said = checkstudio("--repair")
    assert (code, "drawn again from the saved copy" in said) == (0, True)
    assert path_of(copy.poster).read_bytes() == whole
    assert path_of(copy.last_frame).stat().st_size > 0
    assert len(remote.requests()) == asked
    assert checkstudio("--deep")[0] == 0


def test_a_ready_generation_without_a_row_of_its_copy_is_saved_again(remote, saved):
    SavedVideo.objects.filter(generation=saved)._raw_delete("default")
    for path in Path(conf.MEDIA_ROOT).rglob("*.*"):
        age(path, hours=2)
    code, said = checkstudio()
    assert (code, "there is no row for the saved copy" in said, said.count("orphan")) == (1, True, 3)
    assert checkstudio("--repair")[0] == 0
    save_until_ready(Generation.objects.get(pk=saved.pk))
    assert checkstudio("--deep")[0] == 0


def test_a_file_that_belongs_to_nothing_is_set_aside_and_never_deleted(saved):
    place("videos/zz/stranger.mp4", hours=2)
    code, said = checkstudio()
    assert (code, "orphan: videos/zz/stranger.mp4 (13 bytes" in said) == (1, True)
    assert checkstudio("--repair")[0] == 0
    assert not default_storage.exists("videos/zz/stranger.mp4")
    assert default_storage.open("lost-and-found/videos/zz/stranger.mp4").read() == b"what is this?"
    assert checkstudio()[0] == 0


def test_a_file_whose_row_is_about_to_be_made_is_not_an_orphan(remote, owner):
    place("videos/zz/new.mp4", minutes=5)
    [generation] = completed(remote, owner)
    place(Names.of(generation).video, hours=5)
    assert checkstudio()[0] == 0


def test_half_a_download_is_removed_only_when_nobody_waits_for_it(remote, owner):
    [generation] = completed(remote, owner)
    draft = partial_path(Names.of(generation).video)
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half")
    age(draft, days=3)
    assert checkstudio("--repair")[0] == 0
    assert draft.exists()
    generation.stop_waiting()
    Generation.objects.filter(pk=generation.pk).update(status="cancelled")
    code, said = checkstudio()
    assert (code, "nobody waits for" in said) == (1, True)
    assert checkstudio("--repair")[0] == 0
    assert not draft.exists()


def test_a_missing_picture_is_reported_as_beyond_repair(owner):
    path_of(picture().file).unlink()
    code, said = checkstudio("--repair")
    assert (code, "only a backup has it" in said) == (1, True)
    assert Picture.objects.count() == 1


def test_a_changed_picture_is_found_by_the_deep_check(owner):
    path = path_of(picture().file)
    path.write_bytes(bytes(path.stat().st_size))
    assert checkstudio()[0] == 0
    code, said = checkstudio("--deep")
    assert (code, "other bytes than an uploaded picture" in said) == (1, True)


@pytest.mark.parametrize("fault", [{"status": 404}, {"body": "html"}, {"reset": True}])
def test_a_copy_that_heygen_no_longer_serves_stays_unchanged(fault, remote, saved):
    path = path_of(saved.saved_video.file)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    remote.faults([{"call": "file", "do": fault}])
    code, said = checkstudio("--deep", "--repair")
    assert (code, "The current copy is kept" in said) == (1, True)
    saved.refresh_from_db()
    assert (saved.status, path.read_bytes()) == ("ready", bytes(content))


def test_one_file_that_cannot_be_read_keeps_no_other_from_being_repaired(remote, owner):
    broken, other = [save_until_ready(generation) for generation in completed(remote, owner, count=2)]
    poster = path_of(other.saved_video.poster)
    poster.unlink()
    make_unreadable(broken.saved_video)
    code, said = checkstudio("--deep", "--repair")
    assert (code, "unreadable: the saved copy" in said) == (0, True)
    assert poster.exists()
    save_until_ready(broken)
    assert list((Path(conf.MEDIA_ROOT) / "lost-and-found").rglob("*.mp4"))


def make_unreadable(copy):
    """Like a bad sector: the file exists, and reading it is an input/output error."""
    path_of(copy.file).unlink()
    path_of(copy.file).symlink_to("/proc/self/mem")
    SavedVideo.objects.filter(pk=copy.pk).update(size=0)


def test_a_video_removed_during_the_check_is_not_a_finding(saved):
    saved.move_to_trash()

    def remove(pk):
        saved.remove_for_good()
        return True

    assert compare(is_hashed=remove) == []


def test_setting_aside_takes_no_space(saved):
    place("videos/zz/stranger.mp4", hours=2)
    before = Path(default_storage.path("videos/zz/stranger.mp4")).stat().st_ino
    assert checkstudio("--repair")[0] == 0
    assert Path(default_storage.path("lost-and-found/videos/zz/stranger.mp4")).stat().st_ino == before


@pytest.fixture
def other_disk():
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder) / "bigger"


def test_videos_on_another_disk_behind_a_link_are_looked_at_and_set_aside_too(saved, other_disk):
    videos = Path(conf.MEDIA_ROOT) / "videos"
    shutil.move(videos, other_disk)
    videos.symlink_to(other_disk)
    assert checkstudio("--deep")[0] == 0
    place("videos/zz/stranger.mp4", hours=2)
    code, said = checkstudio("--repair")
    assert (code, "set aside as lost-and-found/videos/zz/stranger.mp4" in said) == (0, True)
    assert default_storage.open("lost-and-found/videos/zz/stranger.mp4").read() == b"what is this?"


def test_demo_videos_are_never_looked_up_at_the_real_heygen(remote, saved):
    Generation.objects.update(backend="demo:heygen_workflows")
    path_of(saved.saved_video.file).unlink()
    asked = len(remote.requests())
    assert "it was made in demo mode" in checkstudio("--repair")[1]
    assert len(remote.requests()) == asked


def test_a_hidden_file_of_another_program_is_left_alone(saved):
    place("videos/zz/.DS_Store", days=9)
    assert checkstudio("--repair")[0] == 0
    assert default_storage.exists("videos/zz/.DS_Store")


def test_an_unmounted_disk_does_not_make_everything_be_fetched_again(remote, owner):
    for generation in completed(remote, owner, count=4):
        save_until_ready(generation)
    media, elsewhere = Path(conf.MEDIA_ROOT), Path(conf.MEDIA_ROOT).with_name("elsewhere")
    media.rename(elsewhere)
    media.mkdir()
    code, said = checkstudio("--repair")
    assert (code, "is the disk mounted" in said) == (1, True)
    nightly()
    assert SavedVideo.objects.count() == 4
    media.rmdir()
    elsewhere.rename(media)
    assert checkstudio("--deep")[0] == 0


def test_with_force_everything_is_fetched_again(remote, owner):
    generations = completed(remote, owner, count=4)
    for generation in generations:
        path_of(save_until_ready(generation).saved_video.file).unlink()
    assert checkstudio("--repair")[0] == 1
    assert checkstudio("--repair", "--force")[0] == 0
    for generation in generations:
        save_until_ready(generation)
    assert checkstudio("--deep")[0] == 0


# Every night
def test_missing_copies_are_fetched_again_every_night(remote, saved):
    path_of(saved.saved_video.file).unlink()
    nightly()
    save_until_ready(saved)
    assert stored_sha256(saved) == true_sha256(remote, saved)


def test_the_nightly_checks_findings_and_repairs_are_in_the_history_of_the_video(remote, saved):
    def told():
        return [line.title for line in timeline(Generation.objects.get(pk=saved.pk))]

    path_of(saved.saved_video.poster).unlink()
    nightly()
    assert told()[-2:] == ["The check found a file missing or changed", "Poster and last frame drawn again"]
    path_of(saved.saved_video.file).unlink()
    nightly()
    assert told()[-2:] == ["The check found a file missing or changed", "Downloaded again, requested by the worker"]
    save_until_ready(saved)
    assert told()[-1] == "Saved"


def test_a_copy_that_was_read_and_found_complete_has_a_line_that_says_so(saved, monkeypatch):
    monkeypatch.setattr("videos.storage.consistency.HASHED_IN_NIGHTS", 1)
    nightly()
    assert saved.events.order_by("pk").last().step == "checked"
    flip_a_bit(saved.saved_video.file)
    nightly()
    assert saved.events.filter(step="not_whole", code="check.changed").exists()


def test_every_copy_is_hashed_once_in_thirty_nights():
    assert [sum(tonight(day)(pk) for day in range(700, 730)) for pk in (1, 29, 30, 12_345)] == [1, 1, 1, 1]


def test_two_workers_do_not_check_at_once(remote, saved):
    path_of(saved.saved_video.file).unlink()
    ProcessLock.objects.acquire("nightly", 600)
    nightly()
    saved.refresh_from_db()
    assert saved.status == "ready"


def test_the_trash_is_emptied_after_its_days_files_and_all(saved):
    paths = [path_of(file) for file in saved.saved_video.files()]
    saved.move_to_trash()
    assert empty_trash() == 0
    Generation.objects.filter(pk=saved.pk).update(
        trashed_at=timezone.now() - timedelta(days=conf.TRASH_DAYS, minutes=1)
    )
    assert empty_trash() == 1
    assert not any(path.exists() for path in paths)
    assert checkstudio()[0] == 0


@pytest.mark.parametrize("status", ["queued", "unknown", "stopped"])
def test_unfinished_generations_are_never_deleted_from_the_trash(status, remote, owner):
    [generation] = completed(remote, owner)
    long_ago = timezone.now() - timedelta(days=400)
    Generation.objects.filter(pk=generation.pk).update(status=status, trashed_at=long_ago)
    assert empty_trash() == 0
