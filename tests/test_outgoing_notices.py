"""Notices outside the browser: grouped, throttled, to the people concerned, without prompts or delays."""

import json
import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.accounts import record_checks
from tests.parts.generations import make_queued, make_ready
from tests.parts.people import make_member
from tests.parts.receiver import Receiver
from videos.engine import notices
from videos.engine.dispatcher import Dispatcher
from videos.engine.push import is_known, may_use
from videos.models import (
    Alarm,
    Budget,
    Collection,
    Comment,
    Generation,
    OutgoingNotice,
    Preferences,
    ProcessLock,
    RemoteAccount,
    ReviewLink,
    StudioSettings,
)
from videos.models.studio_settings import CACHE

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings):
    receiver = Receiver()
    settings.NOTIFY_URLS = address_of(receiver, "studio")
    CACHE.forget()
    notices.watch.looked_at = float("-inf")
    yield receiver
    receiver.close()


def address_of(receiver, path):
    return receiver.url.replace("http://", "json://").replace("/hook", f"/{path}")


def taken(receiver, path="/studio"):
    """(title, body) of each message, in order."""
    bodies = [json.loads(body) for where, _, body in receiver.taken if where.rstrip("/") == path]
    return [(body["title"].removeprefix("HeyGen Studio: "), body["message"]) for body in bodies]


def make_unknown(owner, token):
    sending = Generation.objects.claim_to_send(make_queued(owner, token=token).pk)
    assert sending.mark_sending(sending.lease_token) and sending.lose_reply("lost.network")


def pass_time(seconds=30):
    earlier = timezone.now() - timedelta(seconds=seconds)
    OutgoingNotice.objects.filter(told_at=None).update(created_at=earlier)
    OutgoingNotice.objects.exclude(told_at=None).update(told_at=earlier)


def test_videos_that_end_together_are_one_message_without_prompts(receiver, owner, settings):
    settings.STUDIO_URL = "https://studio.example.com"
    first = make_ready(owner, "node-gw-1", token="first")
    make_ready(owner, "node-gw-2", token="second")
    make_unknown(owner, "third")
    notices.send()
    assert taken(receiver) == [], "a batch is still being finished"
    pass_time()
    notices.send()
    [(title, body)] = taken(receiver)
    assert title == "2 videos finished, 1 needs a person"
    assert f"by owner https://studio.example.com/g/{first.public_id}" in body
    assert "lighthouse" not in body
    notices.send()
    assert len(taken(receiver)) == 1


def test_prompts_are_quoted_only_if_allowed(receiver, owner, settings):
    settings.NOTIFY_PROMPTS = True
    make_ready(owner)
    pass_time()
    notices.send()
    assert "a lighthouse in fog" in taken(receiver)[0][1]


def test_there_is_at_most_one_message_a_minute(receiver, owner):
    make_ready(owner, "node-gw-1", token="first")
    pass_time()
    notices.send()
    make_ready(owner, "node-gw-2", token="second")
    OutgoingNotice.objects.filter(told_at=None).update(created_at=timezone.now() - timedelta(seconds=30))
    notices.send()
    assert len(taken(receiver)) == 1
    pass_time(90)
    notices.send()
    assert len(taken(receiver)) == 2


def test_without_addresses_nothing_is_kept(owner):
    CACHE.forget()
    make_ready(owner)
    assert not OutgoingNotice.objects.exists()


def test_each_person_is_notified_of_their_own_videos_and_chosen_kinds(receiver, owner, settings):
    settings.NOTIFY_URLS = ""
    other = make_member("other")
    wanted = Preferences(user=owner, notify_kinds=["finished"])
    wanted.notify_urls = address_of(receiver, "mine")
    wanted.save()
    make_ready(owner, "node-gw-1", token="first")
    make_ready(other, "node-gw-2", token="second")
    make_unknown(owner, "third")
    pass_time()
    notices.send()
    assert [title for title, _ in taken(receiver, "/mine")] == ["1 video finished"]


ALLOWED = [
    "ntfy://a-topic",
    "ntfys://ntfy.sh/a-topic",
    "ntfys://tk_abc@ntfy.sh/a-topic",
    "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#channel",
    "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
]
REFUSED = [
    "json://127.0.0.1:8000/inside",
    "mailto://10.0.0.1",
    "ntfy://10.0.0.1/topic",
    "ntfys://ntfy.sh@10.0.0.1/topic",
    "ntfys://10.0.0.1/topic@ntfy.sh",
    "ntfys://10.0.0.1\\@ntfy.sh/topic",
    "ntfys://ntfy.sh%2f@10.0.0.1/topic",
    "ntfys://ntfy.sh.example.com/topic",
    "ntfys://topic?mode=private&to=inside",
    "zulip://bot@team.inside.example/0123456789abcdef0123456789abcdef",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template=/etc/passwd",
    "https://hooks.slack.com.example.com/services/T/A/T",
    "https://discord.com/api/webhooks/../../x?y",
    "file:///etc/passwd",
    "tgram://one two",
    "tgram://one\njson://127.0.0.1/",
]


@pytest.mark.parametrize("address", ALLOWED)
def test_a_member_may_use_services_with_a_fixed_host(owner, address):
    assert may_use(address, make_member()) and may_use(address, owner)


@pytest.mark.parametrize("address", REFUSED)
def test_a_member_cannot_have_the_studio_call_a_host_of_their_choice(owner, address):
    assert not may_use(address, make_member())
    assert may_use(address, owner)


def test_every_service_that_members_may_use_is_known_to_apprise():
    assert [address for address in ALLOWED if not is_known(address, 30)] == []
    assert not is_known("nonsense", 30)


def test_a_former_owner_is_no_longer_notified_inside_the_network(receiver, owner, settings):
    settings.NOTIFY_URLS = ""
    wanted = Preferences(user=owner)
    wanted.notify_urls = address_of(receiver, "mine")
    wanted.save()
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    make_ready(owner)
    pass_time()
    notices.send()
    assert taken(receiver, "/mine") == []


def test_a_deactivated_person_is_no_longer_notified(receiver, owner, settings):
    settings.NOTIFY_URLS = ""
    wanted = Preferences(user=owner)
    wanted.notify_urls = address_of(receiver, "mine")
    wanted.save()
    make_ready(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    pass_time()
    notices.send()
    assert taken(receiver, "/mine") == []


def test_owners_choose_the_kinds(receiver, owner):
    StudioSettings(notify_kinds=["failed", "disk"]).save()
    make_ready(owner)
    Alarm.objects.set_off(Alarm.Kind.BACKUP, "", "The nightly backup failed.", True)
    Alarm.objects.set_off(Alarm.Kind.DISK, "a-host", "Less than 768 MB is free.")
    pass_time()
    notices.send()
    assert [title for title, _ in taken(receiver)] == ["The disk is nearly full"]
    assert not OutgoingNotice.objects.exists()


def test_a_person_who_chose_it_is_sent_the_prompt(receiver, owner):
    wanted = Preferences(user=owner, notify_prompts=True)
    wanted.notify_urls = address_of(receiver, "mine")
    wanted.save()
    make_ready(owner)
    pass_time()
    notices.send()
    assert "a lighthouse in fog" in taken(receiver, "/mine")[0][1]
    assert "a lighthouse in fog" not in taken(receiver)[0][1]


def test_only_the_person_is_notified_that_their_budget_is_used_up(receiver, owner):
    wanted = Preferences(user=owner, notify_kinds=["budget"])
    wanted.notify_urls = address_of(receiver, "mine")
    wanted.save()
    Budget.objects.create(scope="each", videos_per_day=1)
    notices.watch.look()
    notices.send()
    make_queued(owner)
    notices.watch.looked_at = float("-inf")
    notices.watch.look()
    notices.send()
    told = ("Your budget is used up", "Your budget is used up: 0 of 1 videos left today for you.")
    assert taken(receiver, "/mine") == [told]
    assert taken(receiver) == []


def test_a_recurring_problem_is_not_reported_each_time(receiver, owner):
    account = RemoteAccount.objects.of("heygen_models")
    for _ in range(3):
        for change in (lambda: account.pause("key"), account.resume):
            change()
            notices.watch.looked_at = float("-inf")
            notices.watch.look()
            notices.send()
    assert [title for title, _ in taken(receiver)] == ["Sending is paused", "Resolved: Sending is paused"]
    account.pause("key")
    Alarm.objects.update(told_end_at=timezone.now() - timedelta(minutes=11))
    notices.watch.looked_at = float("-inf")
    notices.watch.look()
    notices.send()
    assert [title for title, _ in taken(receiver)][2:] == ["Sending is paused"]


def test_two_processes_send_each_notice_once(receiver, owner):
    make_ready(owner)
    Alarm.objects.set_off(Alarm.Kind.DISK, "a-host", "Less than 768 MB is free.")
    one, other = Alarm.objects.unreported().get(), Alarm.objects.unreported().get()
    assert one.claim_report() and not other.claim_report()
    assert len(OutgoingNotice.objects.claim(10)) == 1
    assert OutgoingNotice.objects.claim(10) == []


def test_a_problem_is_reported_once_and_once_more_when_it_is_over(receiver, owner):
    account = RemoteAccount.objects.of("heygen_models")
    account.pause("key")
    for _ in range(3):
        notices.watch.looked_at = float("-inf")
        notices.watch.look()
        notices.send()
    [(title, body)] = taken(receiver)
    assert title == "Sending is paused" and "did not accept the API key" in body
    account.resume()
    notices.watch.looked_at = float("-inf")
    notices.watch.look()
    notices.send()
    notices.send()
    assert [title for title, _ in taken(receiver)][1:] == ["Resolved: Sending is paused"]


def test_a_pause_by_a_person_is_not_reported(receiver, owner):
    RemoteAccount.objects.of("heygen_models").pause("owner", person="owner")
    notices.watch.look()
    notices.send()
    assert taken(receiver) == []


def test_a_used_up_budget_is_reported(receiver, owner):
    Budget.objects.create(scope="studio", videos_per_day=1)
    make_queued(owner)
    notices.watch.look()
    notices.send()
    assert [title for title, _ in taken(receiver)] == ["The budget is used up"]


def test_problems_of_disk_and_backup_are_reported(receiver, owner):
    Alarm.objects.set_off(Alarm.Kind.DISK, "a-host", "Less than 768 MB is free.")
    Alarm.objects.set_off(Alarm.Kind.BACKUP, "", "The nightly backup failed.", True)
    notices.send()
    assert [title for title, _ in taken(receiver)] == ["The disk is nearly full", "The backup failed"]


def test_the_command_reports_that_the_worker_is_down_and_that_it_is_back(receiver, owner):
    ProcessLock.objects.acquire("poller", 30)
    call_command("sendnotices")
    assert taken(receiver) == []
    ProcessLock.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    call_command("sendnotices")
    ProcessLock.objects.update(seen_at=timezone.now())
    call_command("sendnotices")
    assert [title for title, _ in taken(receiver)] == [
        "The worker is not running",
        "Resolved: The worker is not running",
    ]


def test_the_command_tries_the_addresses(receiver, settings):
    ProcessLock.objects.acquire("poller", 30)
    call_command("sendnotices", "--test")
    assert [title for title, _ in taken(receiver)] == ["a test"]
    settings.NOTIFY_URLS = "json://127.0.0.1:9/"
    with pytest.raises(CommandError, match="STUDIO_NOTIFY_URLS"):
        call_command("sendnotices", "--test")


def test_a_failing_address_is_in_no_log_and_blocks_nothing(receiver, owner, settings, caplog):
    caplog.set_level(logging.DEBUG)
    settings.NOTIFY_URLS = f"json://user:canary-password@127.0.0.1:9/ nonsense {address_of(receiver, 'studio')}"
    make_ready(owner)
    pass_time()
    notices.send()
    assert len(taken(receiver)) == 1, "the others are still told"
    assert "could not be sent" in caplog.text and "canary" not in caplog.text
    assert not OutgoingNotice.objects.unsent().exists()


def test_the_worker_enqueues_them_when_a_group_is_complete(receiver, owner):
    record_checks()
    make_ready(owner)
    Dispatcher().dispatch()
    assert not OrmQ.objects.exists()
    pass_time()
    Dispatcher().dispatch()
    assert [task.func() for task in OrmQ.objects.all()] == ["videos.tasks.send_notices"]


def test_the_maker_of_a_review_link_is_notified_of_answers(receiver, owner, settings):
    settings.NOTIFY_URLS = ""
    other = make_member("other")
    video = make_ready(other)
    video.share_with_team(True)
    collection = Collection.objects.make(owner, "Autumn launch")
    collection.add([video], owner)
    for person, path in ((owner, "mine"), (other, "theirs")):
        wanted = Preferences(user=person, notify_kinds=["review"])
        wanted.notify_urls = address_of(receiver, path)
        wanted.save()
    link = ReviewLink.objects.find(ReviewLink.issue(collection, owner, label="Tern"))
    clip = collection.clips.get()
    Comment.objects.write(clip, link=link, name="Maya", text="Wider, please")
    link.answer(clip, "change", "Maya")
    pass_time()
    notices.send()
    [(title, body)] = taken(receiver, "/mine")
    assert title == "1 video answered by a client"
    assert "A client answered: VEO 3.1" in body
    assert taken(receiver, "/theirs") == []
