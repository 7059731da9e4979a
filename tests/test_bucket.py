"""Saving into a bucket, over the real S3 protocol."""

from datetime import timedelta

import httpx
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from tests.parts.bucket import KEY, NAME, SECRET
from tests.parts.generations import completed
from tests.parts.saving import checkstudio, make_due, save_until_ready, stored_sha256, true_sha256
from videos.engine.save import save
from videos.storage import consistency
from videos.storage.names import Names

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def in_bucket(bucket, settings):
    """The studio's storage is the bucket."""
    settings.BUCKET = NAME
    settings.STORAGES = {**settings.STORAGES, "default": storage(bucket, settings)}
    return bucket


def storage(bucket, settings, secret=SECRET):
    options = {**settings.BUCKET_STORAGE["OPTIONS"], "bucket_name": NAME, "endpoint_url": bucket.url}
    access = {"region_name": "us-east-1", "access_key": KEY, "secret_key": secret}
    return {**settings.BUCKET_STORAGE, "OPTIONS": options | access}


def partial_files(settings):
    return sorted(path.name for path in settings.PARTIAL_FOLDER.glob("**/*"))


def file_requests(remote):
    return len(remote.requests("file"))


def test_a_video_its_poster_and_its_last_frame_are_in_the_bucket_and_nowhere_else(remote, owner, in_bucket, settings):
    generation = save_until_ready(completed(remote, owner)[0])
    name = f"{generation.public_id.hex[:2]}/{generation.public_id}"
    assert in_bucket.names() == [f"frames/{name}.jpg", f"posters/{name}.jpg", f"videos/{name}.mp4"]
    assert stored_sha256(generation) == generation.saved_video.sha256 == true_sha256(remote, generation)
    assert partial_files(settings) == []
    assert not settings.MEDIA_ROOT.exists()


def test_while_the_bucket_is_down_the_card_says_so_and_the_download_is_kept(remote, owner, in_bucket, settings):
    [generation] = completed(remote, owner)
    in_bucket.stop()
    assert save(generation.pk) is False
    generation.refresh_from_db()
    assert generation.status == "saving"
    assert (
        "the bucket did not accept it. Trying again in 60 s; nothing is downloaded again." in generation.status_message
    )
    in_bucket.start()
    make_due(generation)
    save_until_ready(generation)
    assert file_requests(remote) == 1
    assert stored_sha256(generation) == true_sha256(remote, generation)
    assert partial_files(settings) == []


def test_a_wrong_secret_is_reported_without_showing_it(remote, owner, in_bucket, settings):
    [generation] = completed(remote, owner)
    wrong = storage(in_bucket, settings, secret="a-wrong-secret-0123456789")
    settings.STORAGES = {**settings.STORAGES, "default": wrong}
    assert save(generation.pk) is False
    generation.refresh_from_db()
    assert "the bucket did not accept it" in generation.status_message
    assert "secret" not in generation.status_message
    assert in_bucket.names() == []


def test_missing_and_unknown_files_in_the_bucket_are_found_and_repaired(remote, owner, in_bucket, monkeypatch):
    monkeypatch.setattr(consistency, "YOUNG", timedelta(0))
    generation = save_until_ready(completed(remote, owner)[0])
    assert checkstudio("--deep")[0] == 0
    default_storage.delete(generation.saved_video.file.name)
    default_storage.delete(generation.saved_video.poster.name)
    default_storage.save("videos/zz/stranger.mp4", ContentFile(b"what is this?"))
    code, said = checkstudio()
    assert (code, said.count("missing:"), said.count("orphan:")) == (1, 1, 1)
    assert checkstudio("--repair")[0] == 0
    save_until_ready(generation)
    assert checkstudio("--deep")[0] == 0
    assert stored_sha256(generation) == true_sha256(remote, generation)
    assert "lost-and-found/videos/zz/stranger.mp4" in in_bucket.names()


def test_a_copy_of_other_bytes_in_the_bucket_is_set_aside_and_fetched_again(remote, owner, in_bucket):
    generation = save_until_ready(completed(remote, owner)[0])
    name = Names.of(generation).video
    default_storage.delete(name)
    default_storage.save(name, ContentFile(bytes(generation.saved_video.size)))
    assert checkstudio()[0] == 0
    assert "other bytes than the saved copy" in checkstudio("--deep")[1]
    assert checkstudio("--deep", "--repair")[0] == 0
    save_until_ready(generation)
    assert checkstudio("--deep")[0] == 0


def test_nothing_is_repaired_while_the_bucket_cannot_be_read(remote, owner, in_bucket):
    generation = save_until_ready(completed(remote, owner)[0])
    in_bucket.stop()
    with pytest.raises(Exception, match="The storage could not be read"):
        checkstudio("--repair")
    consistency.nightly()
    generation.refresh_from_db()
    assert generation.status == "ready"
    in_bucket.start()
    assert checkstudio("--deep")[0] == 0


def test_videos_removed_for_good_are_deleted_from_the_bucket(remote, owner, in_bucket):
    generation = save_until_ready(completed(remote, owner)[0])
    type(generation).objects.filter(pk=generation.pk).update(trashed_at=timezone.now() - timedelta(days=100))
    assert consistency.empty_trash() == 1
    assert in_bucket.names() == []


def test_a_link_into_the_bucket_opens_the_video_for_a_minute_and_only_as_it_was_signed(remote, owner, in_bucket):
    generation = save_until_ready(completed(remote, owner)[0])
    link = generation.saved_video.file.url
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.get(link).content == default_storage.open(generation.saved_video.file.name).read()
        assert client.get(link.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")).status_code == 403
        assert client.get(link.split("?")[0]).status_code in {401, 403}


def test_a_download_that_waits_for_the_bucket_survives_a_reboot(remote, owner, in_bucket, settings):
    generation = completed(remote, owner)[0]
    in_bucket.stop()
    save(generation.pk)
    [record] = settings.PARTIAL_FOLDER.glob(".*.json")
    record.write_text(record.read_text().replace('"boot": "', '"boot": "another '))
    remote.expire_links()
    in_bucket.start()
    make_due(generation)
    save_until_ready(generation)
    assert file_requests(remote) == 1
