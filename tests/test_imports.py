"""Imported videos are stored byte for byte, can be compared, and give frames."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Generation, LedgerEntry, Provider, StudioSettings
from videos.storage import examine_process

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


@pytest.fixture
def mp4(owner):
    [made] = make(make_member("elsewhere"), ratio="9:16")
    return Path(made.saved_video.file.path).read_bytes()


def send(client, *files):
    uploads = [SimpleUploadedFile(name, data, "video/mp4") for name, data in files]
    return client.post("/import", {"videos": uploads}, follow=True)


def test_an_uploaded_video_is_kept_byte_for_byte_with_its_pictures(client, owner, mp4):
    page = send(client, ("Beach at noon.mp4", mp4)).content.decode()
    video = owner.generations.get()
    assert f'1 video is imported: <a href="/g/{video.public_id}"><bdi>Beach at noon</bdi></a>.' in page
    assert (video.prompt, video.status, video.aspect_ratio) == ("Beach at noon", "ready", "9:16")
    assert Path(video.saved_video.file.path).read_bytes() == mp4
    for address in ("video.mp4", "poster", "last-frame"):
        assert client.get(f"/g/{video.public_id}/{address}").status_code == 200
    assert client.get(f"/g/{video.public_id}").status_code == 200
    assert "Imported" in client.get("/").content.decode()


def test_nothing_is_charged_and_no_model_of_that_name_is_offered(client, owner, mp4):
    send(client, ("a.mp4", mp4))
    video = owner.generations.get()
    assert not LedgerEntry.objects.filter(generation=video).exists()
    assert not Provider.objects.offered().filter(value="imported").exists()
    form = {"prompt": "x", "provider": "imported", "token": "t" * 32}
    assert client.post("/generate", form).status_code == 422


def test_it_gives_frames_and_is_compared(client, owner, mp4):
    send(client, ("a.mp4", mp4), ("b.mp4", mp4))
    first, second = owner.generations.all()
    assert client.post("/frame/start", {"start_from": str(first.public_id), "at": "0.2"}).status_code == 200
    assert len(client.get(f"/compare?g={first.public_id}&g={second.public_id}").context["videos"]) == 2
    for verb in ("reuse", "continue", "tall"):
        form = client.get(f"/compose?{verb}={first.public_id}").context["form"]
        assert form.chosen_providers() == ["veo_3_1"]


def test_an_invalid_video_is_listed_with_its_reason_and_the_others_are_kept(client, owner, mp4):
    files = [("a.mp4", mp4), ("cut.mp4", mp4[:-200]), ("text.mp4", b"no video at all"), ("empty.mp4", b"")]
    reply = send(client, *files)
    page = reply.content.decode()
    assert reply.status_code == 422
    assert owner.generations.count() == 1
    for name in ("cut.mp4", "text.mp4", "empty.mp4"):
        assert f"<bdi>{name}</bdi> was not imported." in page
    assert not list(Path(owner.generations.get().saved_video.file.path).parents[2].rglob(".*.part"))


def test_one_that_is_larger_than_the_studio_keeps_is_refused(client, owner, mp4):
    StudioSettings.objects.create(max_video_bytes=len(mp4) - 1)
    assert "the most that this studio keeps" in send(client, ("a.mp4", mp4)).content.decode()
    assert not owner.generations.exists()


def test_a_decoder_that_dies_or_never_ends_refuses_one_file(client, owner, mp4, monkeypatch):
    monkeypatch.setattr(examine_process, "COMMAND", ["false"])
    assert send(client, ("a.mp4", mp4)).status_code == 422
    monkeypatch.setattr(examine_process, "COMMAND", ["sleep", "60"])
    monkeypatch.setattr(examine_process, "MAX_SECONDS", 0.05)
    assert send(client, ("a.mp4", mp4)).status_code == 422
    assert not owner.generations.exists()


def test_files_beyond_those_taken_at_a_time_are_listed_and_the_page_says_before_how_many_there_may_be(client, owner):
    assert "Up to 10 files at a time, 2.1 GB together" in " ".join(client.get("/import").text.split())
    reply = send(client, *[(f"{number}.mp4", b"no video") for number in range(1, 13)])
    page = " ".join(reply.text.split())
    assert reply.status_code == 422
    assert "2 more files were not imported, because the studio takes 10 at a time. Choose them again:" in page
    assert "<bdi>11.mp4</bdi>, <bdi>12.mp4</bdi>" in page
    assert page.count("no video") == 0 and page.count("was not imported.") == 10


def test_a_form_with_more_files_than_are_read_is_refused_with_their_number(client, owner):
    reply = send(client, *[(f"{number}.mp4", b"no video") for number in range(51)])
    assert reply.status_code == 400
    assert "more than 50 files" in reply.text and "STUDIO_HOSTS" not in reply.text


def test_without_a_file_it_says_so(client):
    assert "Choose at least one file." in client.post("/import").content.decode()


def test_it_is_private_until_it_is_shared(client, owner, mp4):
    send(client, ("a.mp4", mp4))
    video = owner.generations.get()
    assert signed_in(make_member()).get(f"/g/{video.public_id}").status_code == 404


def test_an_odd_file_name_is_harmless(client, owner, mp4):
    send(client, ("\u202e../../x<script>.mp4", mp4))
    assert "<script>.mp4" not in client.get("/").content.decode()
    assert Generation.objects.filter(owner=owner).count() == 1
