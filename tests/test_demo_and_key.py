"""A generation of demo mode stays in demo mode: setting a key later sends none of it, and asks HeyGen about none."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.parts.generations import make_queued, make_running, picture
from tests.parts.people import make_member
from videos.engine import recovery
from videos.engine.submit import submit
from videos.models import Generation
from videos.remotes import registry
from videos.remotes.base import Image

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def made_in_demo(settings):
    settings.DEMO = True
    generation = make_queued(make_member())
    settings.DEMO = False
    return generation


def test_a_request_of_demo_mode_is_never_sent_once_there_is_a_key(made_in_demo, remote):
    submit(made_in_demo.pk)
    assert remote.ledger() == []
    assert list(Generation.objects.sendable(timezone.now())) == []
    assert Generation.objects.get().status == "queued"


def test_its_card_says_why_it_waits_and_it_can_be_cancelled(made_in_demo):
    version = made_in_demo.version
    recovery.recover()
    made_in_demo.refresh_from_db()
    assert made_in_demo.status_message.startswith("Made in demo mode")
    assert made_in_demo.version > version
    assert made_in_demo.cancel()


def test_a_key_that_is_missing_for_a_while_makes_no_paid_video_fail(settings):
    running = make_running(make_member())
    settings.DEMO = True
    soon = timezone.now() + timedelta(hours=1)
    assert Generation.objects.claim_due_polls(soon, 10) == []
    recovery.recover()
    running.refresh_from_db()
    assert (running.status, running.status_message[:9]) == ("running", "Made with")
    settings.DEMO = False
    assert [poll.pk for poll in Generation.objects.claim_due_polls(soon, 10)] == [running.pk]


def test_back_in_demo_mode_it_continues(made_in_demo, settings, remote):
    settings.DEMO = True
    submit(made_in_demo.pk)
    assert Generation.objects.get().status == "running"


def test_a_picture_that_only_the_demo_server_has_is_uploaded_again(settings):
    settings.DEMO = True
    kept = picture(by=make_member())
    copy = kept.remote_copy(registry.row_key("heygen_workflows"))
    copy.remember(Image(asset_id="asset", address="http://127.0.0.1:1/assets/a.png"))
    assert copy.is_usable()
    settings.DEMO = False
    assert not copy.is_usable()
    assert kept.remote_copy(registry.row_key("heygen_workflows")).address == ""
