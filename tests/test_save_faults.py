"""Everything that can go wrong between the remote API's "completed" and our copy, over real HTTP."""

import logging
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as conf

from tests.parts.generations import completed
from tests.parts.listeners import Canary
from tests.parts.processes import wait_until
from tests.parts.saving import make_due, save_until_ready, start_saver, stored_sha256, true_sha256
from tests.parts.standin import Standin
from videos.engine.save import save
from videos.models import Generation, SavedVideo
from videos.storage import probe
from videos.storage.names import Names, partial_path

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

WEIGHT = 400_000  # asked for; half a megabyte comes of it
MANY = int(os.environ.get("STUDIO_TEST_VIDEOS", "20"))


@pytest.fixture(scope="module")
def running_files(tmp_path_factory):
    options = ("--control", "--draft", "--speed", "200", "--weight", str(WEIGHT))
    standin = Standin(tmp_path_factory.mktemp("files"), options=options)
    yield standin
    standin.stop()


@pytest.fixture
def files(running_files, settings):
    running_files.clear()
    settings.HEYGEN_API_KEY = "test-key"
    settings.HEYGEN_API_URL = running_files.url
    return running_files


@pytest.fixture
def generation(files, owner):
    return completed(files, owner)[0]


@pytest.fixture(autouse=True)
def no_link_and_no_key_in_any_log(caplog):
    """Runs for every failure and every log level."""
    caplog.set_level(logging.DEBUG)
    yield
    for secret in ("Signature=", "/files/", "test-key"):
        assert not any(secret in record.getMessage() + str(record.exc_text) for record in caplog.get_records("call"))


def visible(folder=None):
    """Every file that has a final name."""
    found = Path(folder or conf.MEDIA_ROOT).rglob("*")
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def message_of(generation):
    generation.refresh_from_db()
    return generation.status_message


def try_in_vain(generation, times=3):
    for _ in range(times):
        assert save(generation.pk) is False
        generation.refresh_from_db()
        assert generation.status == "saving"
        assert generation.lease_token is None
        assert visible() == []
        assert not re.search("Signature|/files/", f"{generation.status_message} {generation.status_facts}")
        make_due(generation)
    return generation.status_message


def assert_saved_whole(files, generation):
    save_until_ready(generation, impatient=True)
    assert generation.saved_video.sha256 == stored_sha256(generation) == true_sha256(files, generation)
    assert generation.status_message == ""
    assert all(path.suffix in {".mp4", ".jpg"} for path in visible())


PASSING = {
    "a link that expires before the first byte": [{"first": 1, "do": {"expire": True}}],
    "a link that dies in the middle, twice": [{"first": 2, "do": {"cut": 0.4, "withdraw": True}}],
    "a dropped connection": [{"first": 3, "do": {"cut": 0.3}}],
    "a connection that closes gently": [{"first": 3, "do": {"cut": 0.3, "gently": True}}],
    "a connection that drops before any answer": [{"first": 2, "do": {"reset": True}}],
    "an answer cut in its headers": [{"first": 1, "do": {"partial": 60}}],
    "a changed etag": [{"nth": 1, "do": {"cut": 0.5}}, {"nth": 1, "do": {"etag": '"another"'}}],
    "no etag at all": [{"nth": 1, "do": {"no_etag": True, "cut": 0.5}}, {"nth": 1, "do": {"no_etag": True}}],
    "a length ten too large, always": [{"do": {"length": 10}}],
    "a length ten too small, once": [{"first": 1, "do": {"length": -10}}],
    "no length": [{"do": {"no_length": True}}],
    "no length, and an early end": [{"nth": 1, "do": {"no_length": True, "cut": 0.6, "gently": True}}],
    "no length, and ten early ends": [{"first": 10, "do": {"no_length": True, "cut": 0.2, "gently": True}}],
    "half a video with a length that is right for it": [{"first": 1, "do": {"truncate": 0.5}}],
    "a range that is ignored": [{"nth": 1, "do": {"cut": 0.5}}, {"first": 2, "do": {"ignore_range": True}}],
    "a wrong content range": [{"nth": 1, "do": {"cut": 0.5}}, {"nth": 1, "do": {"content_range": "wrong"}}],
    "three redirects": [{"do": {"hops": 3}}],
    "a server that is busy, then broken": [{"nth": 1, "do": {"status": 429}}, {"nth": 1, "do": {"status": 503}}],
    "a body that is a page, once": [{"first": 1, "do": {"body": "html"}}],
    "a body that is a picture, once": [{"first": 1, "do": {"body": "jpeg"}}],
    "an empty body": [{"first": 2, "do": {"body": "empty"}}],
}


@pytest.mark.parametrize("rules", PASSING.values(), ids=PASSING)
def test_a_passing_fault_costs_no_video(rules, files, generation):
    files.faults([{"call": "file", **rule} for rule in rules])
    assert_saved_whole(files, generation)


LASTING = {
    "dead links": ([{"call": "file", "do": {"expire": True}}], "its link no longer works"),
    "a file that is gone": ([{"call": "file", "do": {"status": 404}}], "its link no longer works"),
    "a page": ([{"call": "file", "do": {"body": "html"}}], "its link does not lead to a video"),
    "JSON": ([{"call": "file", "do": {"body": "json"}}], "its link does not lead to a video"),
    "a picture": ([{"call": "file", "do": {"body": "jpeg"}}], "its link does not lead to a video"),
    "zeros": ([{"call": "file", "do": {"body": "zeros"}}], "its link does not lead to a video"),
    "nothing": ([{"call": "file", "do": {"body": "empty"}}], "was interrupted after 0 bytes"),
    "half a video": ([{"call": "file", "do": {"truncate": 0.5, "ignore_range": True}}], "was interrupted after"),
    "a gzip bomb": ([{"call": "file", "do": {"gzip": 100_000_000}}], "compressed, without being asked to"),
    "an endless body": ([{"call": "file", "do": {"endless": True}}], "it is larger than 5.0 MB"),
    "four redirects": ([{"call": "file", "do": {"hops": 4}}], "its link redirects too often"),
    "a broken server": ([{"call": "file", "do": {"status": 500}}], "answered with an error (HTTP 500)"),
    "a server that drops all": ([{"call": "file", "do": {"reset": True}}], "its download was interrupted"),
    "a link that is none": ([{"call": "poll", "do": {"video_url": "nonsense"}}], "not an address that can be opened"),
    "an unencrypted link": (
        [{"call": "poll", "do": {"video_url": "http://files.example/v.mp4"}}],
        "is not an encrypted (https) address",
    ),
    "no link": ([{"call": "poll", "do": {"no_link": True}}], "gives no new one at the moment"),
    "a status that goes back": ([{"call": "poll", "do": {"status_word": "running"}}], "no new one at the moment"),
    "a forgotten execution": ([{"call": "poll", "do": {"status_word": "not_found"}}], "HeyGen no longer has it"),
    "a forgotten execution and a page": (
        [{"call": "poll", "do": {"status_word": "not_found"}}, {"call": "file", "do": {"body": "html"}}],
        "HeyGen no longer has it",
    ),
    "a remote API that is down": (
        [{"call": "poll", "do": {"status": 503}}],
        "HeyGen reported an internal error",
    ),
    "a wrong key": ([{"call": "poll", "do": {"status": 401}}], "HeyGen did not accept the API key"),
}


@pytest.mark.parametrize(("rules", "words"), LASTING.values(), ids=LASTING)
def test_a_lasting_fault_is_explained_and_the_video_is_saved_afterwards(rules, words, files, generation, settings):
    settings.MAX_VIDEO_BYTES = 5_000_000
    if rules[0]["call"] == "poll":  # the known link has expired, so another is asked for
        files.expire_links()
    files.faults(rules)
    message = try_in_vain(generation)
    assert message.startswith("The video is finished, but ")
    assert words in message
    assert "Trying again in " in message
    files.faults([])
    assert_saved_whole(files, generation)


BAD_LINKS = {
    "expires": {"expire": True},
    "answers with a fault": {"status": 500},
    "drops all": {"reset": True},
    "sends nothing": {"body": "empty"},
    "sends half": {"truncate": 0.5, "ignore_range": True},
    "never ends": {"endless": True},
}


@pytest.mark.parametrize("do", BAD_LINKS.values(), ids=BAD_LINKS)
def test_a_link_that_keeps_failing_is_replaced_by_another(do, files, generation, settings):
    settings.MAX_VIDEO_BYTES = 5_000_000
    files.faults([{"call": "file", "path": urlsplit(generation.video_url).path, "do": do}])
    assert_saved_whole(files, generation)


@pytest.mark.parametrize("poll", [{"status": 401}, {"status_word": "not_found"}], ids=["key", "forgotten"])
def test_a_link_that_failed_for_a_moment_is_tried_again_when_there_is_no_other(poll, files, generation):
    files.faults([{"call": "file", "first": 3, "do": {"status": 403}}, {"call": "poll", "do": poll}])
    assert_saved_whole(files, generation)


def test_a_link_that_expired_while_the_worker_was_down_is_renewed_at_once(files, generation):
    files.advance(5 * 3600)
    save(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "ready"
    assert stored_sha256(generation) == true_sha256(files, generation)


def test_delays_grow_without_progress_and_the_card_says_how_long(files, generation):
    files.faults([{"call": "file", "do": {"status": 503}}])
    said = []
    for _ in range(12):
        save(generation.pk)
        said.append(message_of(generation).split("Trying again in ")[1].split(";")[0])
        make_due(generation)
    assert said[:5] == ["1 s", "1 s", "2 s", "4 s", "8 s"]
    assert said[-1] == "5 minutes"
    assert generation.save_attempts == 12


def test_a_server_that_cannot_resume_is_asked_for_the_whole_file_again(files, generation):
    resumed = {"call": "file", "first": 9, "do": {"reset": True}}
    files.faults([{"call": "file", "nth": 1, "do": {"cut": 0.5}}, resumed])
    assert_saved_whole(files, generation)
    assert "range" not in files.requests("file")[-1]["headers"]


# Where nothing may be asked for
@pytest.fixture
def canary():
    listener = Canary()
    yield listener
    listener.close()


@pytest.mark.parametrize("where", ["https://127.0.0.1:{}/", "https://localhost:{}/v.mp4", "http://127.0.0.1:{}/"])
def test_no_request_reaches_a_private_address_by_a_link_or_by_a_redirect(where, files, generation, canary):
    address = where.format(canary.port)
    files.faults([{"call": "file", "do": {"redirect": address}}])
    assert "must not open" in (message := try_in_vain(generation)) or "encrypted" in message
    files.expire_links()
    files.faults([{"call": "poll", "do": {"video_url": address}}])
    assert "must not open" in (message := try_in_vain(generation)) or "encrypted" in message
    assert canary.visitors == 0
    assert str(canary.port) not in message
    files.faults([])
    assert_saved_whole(files, generation)


# The disk
def test_a_disk_with_too_little_space_is_shown_and_tried_each_minute(files, generation, settings):
    settings.MIN_FREE_BYTES = 10**18
    message = try_in_vain(generation)
    assert "the studio's disk is nearly full" in message
    assert "Trying again in 60 s" in message
    settings.MIN_FREE_BYTES = 0
    assert_saved_whole(files, generation)


@pytest.fixture
def tiny_disk(settings, tmp_path):
    """A file system of 1.3 MB for the media, where the tests may make one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1300k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("may not mount a file system here")
    settings.MEDIA_ROOT = folder / "media"
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": settings.MEDIA_ROOT}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_is_completed_once_there_is_space(files, owner, tiny_disk):
    generations = completed(files, owner, count=2)
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(1_100_000))
    for generation in generations:
        assert re.search("disk is (nearly )?full", try_in_vain(generation, times=2))
    ballast.unlink()
    for generation in generations:
        save_until_ready(generation, impatient=True)
        assert stored_sha256(generation) == true_sha256(files, generation)


def test_partial_files_of_several_videos_cannot_block_each_other(files, owner, tiny_disk):
    """1.3 MB hold two of three videos of half a megabyte: two are saved, and the third waits without its part."""
    generations = completed(files, owner, count=3)
    once = {"call": "file", "per": "execution", "nth": 1}
    files.faults([{**once, "do": {"cut": 0.7}}, {**once, "do": {"status": 500}}])
    for generation in generations:
        save(generation.pk)
        make_due(generation)
    assert sum(partial_path(Names.of(generation).video).stat().st_size for generation in generations) > 2 * WEIGHT
    files.faults([])
    for _ in range(4):
        for generation in generations:
            save(generation.pk)
            make_due(generation)
    assert SavedVideo.objects.count() == 2


# Many at once
class Watcher(threading.Thread):
    """Watches the final folder: every file with a final name must be whole at that moment."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.done, self.broken, self.seen = folder, threading.Event(), set(), set()

    def run(self):
        while not self.done.wait(0.02):
            for path in visible(self.folder):
                if path.suffix == ".mp4" and path not in self.seen:
                    self.look(path)

    def look(self, path):
        try:
            probe.check_video(path)
        except probe.NotAVideo:
            self.broken.add(path)
        self.seen.add(path)


def test_all_of_many_videos_are_saved_when_four_of_five_connections_break(files, owner):
    generations = completed(files, owner, count=MANY)
    files.faults(
        [
            {"call": "file", "probability": 0.8, "seed": 7, "do": {"cut": "random"}},
            {"call": "file", "probability": 0.1, "seed": 8, "do": {"expire": True}},
        ]
    )
    watcher = Watcher(conf.MEDIA_ROOT)
    watcher.start()
    for generation in generations:
        save_until_ready(generation, impatient=True)
    watcher.done.set()
    watcher.join()
    videos = files.videos()
    assert SavedVideo.objects.count() == MANY
    assert all(stored_sha256(generation) == videos[generation.remote_id]["sha256"] for generation in generations)
    sent = sum(videos[generation.remote_id]["bytes_sent"] for generation in generations)
    whole = sum(videos[generation.remote_id]["size"] for generation in generations)
    assert sent < 1.3 * whole, f"{sent / whole:.2f} times the bytes"
    assert watcher.broken == set()
    assert len(watcher.seen) > 0
    assert not any(request["key_sent"] for request in files.requests("file"))


def test_two_savers_of_the_same_videos_share_them_without_harm(files, owner):
    generations = completed(files, owner, count=6)
    files.faults([{"call": "file", "probability": 0.5, "do": {"cut": "random"}}])
    savers = [start_saver(*generations, standin=files, until_ready=True) for _ in range(2)]
    assert [saver.wait(240) for saver in savers] == [0, 0]
    assert SavedVideo.objects.count() == 6
    for generation in Generation.objects.all():
        assert stored_sha256(generation) == true_sha256(files, generation)


def test_a_server_that_only_sends_whole_files_gets_the_time_it_needs(files, generation):
    files.faults([{"call": "file", "do": {"ignore_range": True, "drip": 300_000}}])

    def is_saved():
        save(generation.pk, seconds=1)
        make_due(generation)
        generation.refresh_from_db()
        return generation.status == "ready"

    wait_until(is_saved, what="a slice that is long enough", every=0)


def test_a_file_that_cannot_be_checked_is_kept_and_not_downloaded_again(files, generation, monkeypatch):
    monkeypatch.setattr(probe, "MAX_PIXELS", 100)
    assert "this studio cannot check it: the video is" in try_in_vain(generation)
    assert len(files.requests("file")) == 1
    monkeypatch.undo()
    files.expire_links()
    save_until_ready(generation)
    assert len(files.requests("file")) == 1
    assert stored_sha256(generation) == true_sha256(files, generation)


def test_too_little_memory_to_check_a_file_loses_nothing(files, generation, monkeypatch):
    def refuse(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(probe.av, "open", refuse)
    assert "too little memory to check it" in try_in_vain(generation)
    monkeypatch.undo()
    files.expire_links()
    save_until_ready(generation)
    assert len(files.requests("file")) == 1


def test_a_link_is_kept_if_its_server_was_only_unreachable(files, generation):
    link = generation.video_url
    Generation.objects.filter(pk=generation.pk).update(video_url="https://files.invalid/a.mp4")
    files.faults([{"call": "poll", "do": {"status": 500}}])
    try_in_vain(generation)
    assert Generation.objects.get().video_url == "https://files.invalid/a.mp4"
    Generation.objects.filter(pk=generation.pk).update(video_url=link)
    save_until_ready(generation, impatient=True)
