"""Pictures are redrawn a few at a time, in short-lived processes, so that they take no memory of the web server."""

import io
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.corpus_pictures import a_see_through_png_of_40_megapixels, quarters, saved
from tests.parts.extent import EVERYTHING
from tests.parts.people import signed_in
from tests.parts.studio import csrf_token
from videos.host_locks import host_lock
from videos.models import Job, StudioFault
from videos.storage import redraw_process
from videos.storage.picture_limits import INTRICATE, PictureRefused
from videos.storage.pictures import redraw
from videos.storage.redraw_process import BUSY, redraw_apart

SMALL = saved(quarters(), "JPEG")
CHANGED = "import videos.storage.redraw_process as process; {change}; process.main()"


def upload(data=SMALL):
    return io.BytesIO(data)


def changed(monkeypatch, change):
    """The redrawing process, with one line run before it begins."""
    monkeypatch.setattr(redraw_process, "COMMAND", [sys.executable, "-c", CHANGED.format(change=change)])


def test_a_picture_comes_back_as_if_it_were_redrawn_here(tmp_path):
    for data in (SMALL, saved(quarters().convert("RGBA"), "PNG")):
        assert redraw_apart(upload(data), tmp_path, 2) == redraw(upload(data))


def test_a_refusal_comes_back_with_its_sentence(tmp_path):
    with pytest.raises(PictureRefused, match="This is a GIF"):
        redraw_apart(upload(b"GIF89a" + bytes(100)), tmp_path, 2)


def test_no_more_than_the_limit_are_redrawn_at_once(tmp_path):
    most, is_over = [0], threading.Event()
    others = set(psutil.Process().children())  # such as the session's demo server

    def watch():
        while not is_over.is_set():
            most[0] = max(most[0], len(set(psutil.Process().children()) - others))
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: redraw_apart(upload(), tmp_path, 2), range(8)))
    is_over.set()
    watcher.join()
    assert len(done) == 8
    assert most[0] == 2


def test_a_wait_that_is_too_long_ends_with_an_explanation(tmp_path, monkeypatch):
    monkeypatch.setattr(redraw_process, "LONGEST_WAIT", 0.3)
    with host_lock(tmp_path, 1), pytest.raises(PictureRefused) as refusal:
        redraw_apart(upload(), tmp_path, 1)
    assert str(refusal.value) == BUSY
    assert redraw_apart(upload(), tmp_path, 1)


def test_a_picture_that_needs_too_much_memory_is_refused(tmp_path, monkeypatch):
    changed(monkeypatch, "process.MAX_MEMORY = 160 * 2**20")
    with pytest.raises(PictureRefused) as refusal:
        redraw_apart(upload(a_see_through_png_of_40_megapixels()), tmp_path, 2)
    assert str(refusal.value) == INTRICATE


def test_a_picture_that_takes_too_long_is_refused(tmp_path, monkeypatch):
    changed(monkeypatch, "process.redraw = lambda file: __import__('time').sleep(60)")
    monkeypatch.setattr(redraw_process, "MAX_SECONDS", 1.0)
    with pytest.raises(PictureRefused) as refusal:
        redraw_apart(upload(), tmp_path, 2)
    assert str(refusal.value) == INTRICATE


def test_a_decoder_that_breaks_takes_only_its_own_process_with_it(tmp_path, monkeypatch):
    changed(monkeypatch, "process.redraw = lambda file: __import__('os').abort()")
    with pytest.raises(PictureRefused) as refusal:
        redraw_apart(upload(), tmp_path, 2)
    assert str(refusal.value) == INTRICATE


@pytest.mark.django_db
def test_a_fault_of_ours_is_recorded_and_reported(owner, monkeypatch):
    changed(monkeypatch, "import videos.storage.pictures as pictures; pictures._encoded = lambda image: image.gone")
    picture = SimpleUploadedFile("frame.jpg", SMALL, "image/jpeg")
    fields = {"prompt": "a lighthouse", "provider": "veo_3_1", "aspect_ratio": "16:9", "token": "t" * 24}
    answer = signed_in(owner).post("/generate", {**fields, "reference_image": picture})
    assert answer.status_code == 422
    assert "The studio had an internal error when it read this picture" in answer.text
    fault = StudioFault.objects.open().get()
    assert (fault.job, fault.error, fault.place[:26]) == (Job.PICTURES, "AttributeError", "videos/storage/pictures.py")
    monkeypatch.undo()
    picture = SimpleUploadedFile("frame.jpg", SMALL, "image/jpeg")
    assert signed_in(owner).post("/generate", {**fields, "reference_image": picture}).status_code in (200, 302)
    assert not StudioFault.objects.open().exists()


MANY = 6 if EVERYTHING else 4  # two at once are redrawn, and each takes seconds of a processor


def test_many_large_pictures_at_once_leave_the_webs_memory_as_it_was(studio):
    data = a_see_through_png_of_40_megapixels()
    client = studio.client()
    token = csrf_token(client, "/")
    before, peak, is_over = memory_of(studio), [0], threading.Event()

    def watch():
        while not is_over.is_set():
            peak[0] = max(peak[0], memory_of(studio))
            time.sleep(0.05)

    def post(number):
        fields = {"prompt": f"picture {number}", "provider": "veo_3_1", "aspect_ratio": "16:9", "count": "1"}
        fields |= {"token": f"many-pictures-at-once-{number:04}", "csrfmiddlewaretoken": token}
        files = {"reference_image": ("frame.png", data, "image/png")}
        answer = client.post("/generate", data=fields, files=files, headers={"Referer": studio.url}, timeout=240)
        return post(number) if BUSY in answer.text else answer  # a person adds it again

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(MANY) as pool:
        answers = [answer.status_code for answer in pool.map(post, range(MANY))]
    is_over.set()
    watcher.join()
    assert answers == [200] * MANY
    assert peak[0] - before < 700 * 2**20
    assert memory_of(studio) - before < 150 * 2**20


def memory_of(studio) -> int:
    """What the web's processes and their children have in memory, in bytes."""
    found = {one.pid: one for web in studio.find_all("web") for one in (web, *children_of(web))}
    return sum(map(resident, found.values()))


def children_of(process):
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def resident(process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
