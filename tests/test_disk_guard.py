"""Sending stops before the disk is full, and the screen says so; what was sent already is still polled and saved."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.parts.generations import make_queued, make_running
from tests.parts.people import signed_in
from videos.engine.recovery import recover
from videos.engine.submit import submit
from videos.models import Alarm, Generation
from videos.storage import space

pytestmark = pytest.mark.django_db
MB = 1024**2


@pytest.fixture(autouse=True)
def disk(settings, monkeypatch):
    """`disk["free"]` is what the disk has left."""
    settings.MIN_FREE_BYTES = 512 * MB
    found = {"free": 10_000 * MB}
    monkeypatch.setattr(space, "free", lambda: found["free"])
    return found


def test_nothing_is_sent_while_the_disk_is_nearly_full(remote, owner, disk):
    disk["free"] = 700 * MB  # enough to save, not to begin
    generation = make_queued(owner)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.send_attempts, remote.ledger()) == ("queued", 0, [])
    disk["free"] = 800 * MB
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "running"


def test_the_page_says_so_before_anybody_waits_and_until_there_is_space(owner, disk):
    disk["free"] = 700 * MB
    recover()
    page = signed_in(owner).get("/").content.decode()
    assert "The disk is nearly full." in page
    assert "Nothing new is sent, and nothing is charged" in " ".join(page.split())
    disk["free"] = 9_000 * MB
    recover()
    assert "The disk is nearly full." not in signed_in(owner).get("/").content.decode()


def test_an_alarm_of_a_host_that_is_gone_is_forgotten(disk):
    disk["free"] = 0
    assert not space.has_room()
    assert Alarm.objects.open().count() == 1
    Alarm.objects.update(seen_at=timezone.now() - timedelta(minutes=16))
    assert Alarm.objects.open().count() == 0
    assert not space.has_room()
    assert Alarm.objects.open().count() == 1


def test_an_open_alarm_costs_one_query(disk, django_assert_num_queries):
    disk["free"] = 0
    space.has_room()
    with django_assert_num_queries(1):
        space.has_room()


def test_videos_in_progress_are_still_saved(owner, disk):
    disk["free"] = 0
    generation = make_running(owner)
    recover()
    assert Generation.objects.get(pk=generation.pk).status == "running"


def test_without_a_reserve_there_is_no_guard(settings, disk):
    settings.MIN_FREE_BYTES, disk["free"] = 0, 0
    assert space.has_room()
