"""Retention moves old videos to the trash, by age or by space, if an owner wants that; favourites and such stay."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.parts.generations import make_queued, make_ready
from tests.parts.people import signed_in
from videos import wording
from videos.accounts.studio_form import StudioForm
from videos.engine.retention import retire
from videos.models import Collection, Generation, StudioSettings

pytestmark = pytest.mark.django_db


def make_old(owner, number, days=100):
    generation = make_ready(owner, f"node-gw-{number}", token=f"token-{number}")
    Generation.objects.filter(pk=generation.pk).update(saved_at=timezone.now() - timedelta(days=days))
    generation.refresh_from_db()
    return generation


def kept(owner):
    return set(Generation.objects.kept().values_list("remote_id", flat=True))


def test_without_a_rule_nothing_is_moved(owner):
    make_old(owner, 1, days=5000)
    assert retire() == 0


def test_videos_older_than_the_limit_move_to_the_trash_with_a_reason(owner, settings):
    settings.KEEP_DAYS = 90
    old, new = make_old(owner, 1), make_old(owner, 2, days=80)
    assert retire() == 1
    old.refresh_from_db()
    assert old.trashed_at and Generation.objects.get(pk=new.pk).trashed_at is None
    event = old.events.order_by("pk").last()
    assert (event.step, event.code, event.by) == ("trashed", "retention.age", None)
    assert wording.explain(event.code, "HeyGen").startswith("Older than this studio keeps videos.")


def settings_page(client):
    return " ".join(client.get("/settings").content.decode().split())


@pytest.mark.parametrize("rule", [{"KEEP_DAYS": 90}, {"KEEP_BYTES": 20}])
def test_the_settings_page_says_how_many_videos_go_before_they_go(owner, settings, rule):
    stays, goes = make_old(owner, 1, days=120), make_old(owner, 2, days=110)
    stays.mark_favourite(True)
    make_old(owner, 3, days=10)
    client = signed_in(owner)
    assert "will move to the trash" not in settings_page(client)
    for name, value in rule.items():
        setattr(settings, name, value)
    moved = {"KEEP_DAYS": "1 video", "KEEP_BYTES": "2 videos"}[next(iter(rule))]
    assert f"Tonight {moved} will move to the trash by these rules." in settings_page(client)
    form = StudioForm(instance=StudioSettings.objects.the_row())
    saved = client.post("/settings", {name: form[name].value() or "" for name in form.fields}, follow=True)
    assert "The settings are saved" in saved.content.decode()
    assert saved.content.decode().count("will move to the trash") == 1
    assert retire() == int(moved[0])
    goes.refresh_from_db()
    assert goes.trashed_at and "will move to the trash" not in settings_page(client)


def test_favourites_and_videos_in_collections_stay(owner, settings):
    settings.KEEP_DAYS, settings.KEEP_BYTES = 90, 1
    starred, chosen, brought_back = (make_old(owner, number) for number in range(3))
    starred.mark_favourite(True)
    Collection.objects.make(owner, "Spring campaign").add([chosen], owner)
    brought_back.move_to_trash()
    brought_back.restore(by=owner)
    assert retire() == 0
    assert len(kept(owner)) == 3


def test_the_oldest_are_moved_until_the_rest_fits(owner, settings):
    settings.KEEP_BYTES = 45  # each has 20
    for number in range(5):
        make_old(owner, number, days=100 - number)
    assert retire() == 3
    assert kept(owner) == {"node-gw-3", "node-gw-4"}
    assert retire() == 0


def test_generations_without_a_saved_video_are_left_alone(owner, settings):
    settings.KEEP_DAYS = 1
    waiting = make_queued(owner)
    Generation.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(days=100))
    assert retire() == 0


def test_many_are_moved_in_steps(owner, settings, monkeypatch):
    monkeypatch.setattr("videos.engine.retention.AT_ONCE", 2)
    settings.KEEP_DAYS = 90
    for number in range(5):
        make_old(owner, number)
    assert retire() == 5


def test_the_trash_says_that_videos_are_moved_there_automatically(owner, settings):
    settings.KEEP_DAYS = 90
    make_old(owner, 1)
    retire()
    page = signed_in(owner).get("/?state=trash").content.decode()
    assert "older than 90 days come here automatically" in " ".join(page.split()).replace("Videos older", "older")
