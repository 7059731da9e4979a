"""The forms of notices outside the browser: addresses are tried and never shown again, kinds are chosen."""

import json
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from tests.parts.people import make_manager, make_member, make_owner, signed_in
from tests.parts.receiver import Receiver
from videos.forms.notices import MAX_OWN_ADDRESSES, handle_of
from videos.host_locks import host_lock
from videos.models import Preferences, StudioSettings
from videos.models.studio_settings import CACHE, VARIABLES, current
from videos.views import notice_settings

pytestmark = pytest.mark.django_db
TOPIC = "ntfys://ntfy.sh/canary-topic-4711"
OTHER = "ntfys://ntfy.sh/another-topic-0815"
STUDIO, MINE = "/settings/notices", "/account/notices"


@pytest.fixture(autouse=True)
def nothing_is_fixed(settings, monkeypatch):
    monkeypatch.setattr(notice_settings, "TIMEOUT", 120.0)  # for a process that a busy machine starts slowly
    settings.SET_BY_ENVIRONMENT = frozenset()
    CACHE.forget()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def json_address(receiver, path="hook"):
    return receiver.url.replace("http://", "json://").replace("/hook", f"/{path}")


def add(client, where, address, *kinds, **more):
    return client.post(where, {"address": address, "kinds": kinds, **more})


def text(reply):
    return " ".join(reply.content.decode().split())


def test_what_another_owner_saves_while_an_address_is_checked_is_kept(owner, monkeypatch):
    StudioSettings.objects.change(owner, notify_urls=OTHER)

    def is_known(url, seconds):
        second = signed_in(make_owner("second"))
        second.post("/settings", {"trash_days": "3", "second_factor": "nobody"})
        second.post(f"{STUDIO}/remove", {"address": handle_of(OTHER)})
        return True

    monkeypatch.setattr(notice_settings.push, "is_known", is_known)
    add(signed_in(owner), STUDIO, TOPIC)
    stored = StudioSettings.objects.get()
    assert (stored.trash_days, stored.notify_urls.split()) == (3, [TOPIC])


def test_an_owner_adds_an_address_and_it_is_stored_unreadably_and_shown_by_its_end(owner, caplog):
    client = signed_in(owner)
    assert add(client, STUDIO, TOPIC, "failed", "disk").url == "/settings"
    assert current().notify_urls == TOPIC
    assert current().notifies_of("disk") and not current().notifies_of("finished")
    shown = text(client.get("/settings"))
    assert "<code>ntfys://…4711</code>" in shown and "canary" not in shown
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM videos_studiosettings")
        assert "canary" not in str(cursor.fetchall())
    assert "canary" not in caplog.text + str(list(LogEntry.objects.values()))
    assert StudioSettings.objects.get().changed_by == owner


def test_the_other_settings_and_the_addresses_stay_when_one_is_added_or_removed(owner):
    StudioSettings(poll_seconds=20).save()
    client = signed_in(owner)
    for number in range(3):
        add(client, STUDIO, f"{TOPIC}-{number}", "failed", prompts="on")
    client.post(f"{STUDIO}/remove", {"address": handle_of(f"{TOPIC}-1")})
    assert current().notify_urls.split() == [f"{TOPIC}-0", f"{TOPIC}-2"]
    assert (current().poll_seconds, current().notify_prompts) == (20, True)
    again = client.post(f"{STUDIO}/remove", {"address": handle_of(f"{TOPIC}-1")}, follow=True)
    assert "was removed already" in text(again)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "No service uses an address like this."),
        ("https://example.com/hook", "No service uses an address like this."),
        (f"{TOPIC} {TOPIC}-2", "one address at a time"),
        ("ntfy://" + "x" * 500, "at most 500 characters"),
        ("ntfy://a\0b", "Null characters are not allowed"),
    ],
)
def test_an_invalid_address_is_reported_next_to_its_field_and_kept(owner, address, words):
    answer = add(signed_in(owner), STUDIO, address, "failed")
    assert answer.status_code == 422
    assert words in text(answer) and 'class="field-error"' in text(answer)
    assert "\0" in address or f'value="{address}"' in text(answer)
    assert not StudioSettings.objects.exists()


def test_a_member_can_only_use_certain_services_with_a_fixed_host(owner, receiver):
    member = make_member()
    client = signed_in(member)
    answer = add(client, MINE, json_address(receiver), "finished")
    assert answer.status_code == 422 and "You can use Telegram, Slack, Discord" in text(answer)
    for number in range(MAX_OWN_ADDRESSES):
        assert add(client, MINE, f"{TOPIC}-{number}", "finished").status_code == 302
    assert "Remove one first" in text(add(client, MINE, f"{TOPIC}-more", "finished"))
    assert "is here already" in text(add(client, MINE, f"{TOPIC}-0", "finished"))
    wanted = Preferences.objects.of(member)
    assert len(wanted.notify_urls.split()) == MAX_OWN_ADDRESSES
    assert wanted.wants("finished") and not wanted.wants("failed")
    assert "canary" not in text(client.get("/account")) + wanted.notify_urls_stored
    assert receiver.taken == []


def test_everyone_has_addresses_of_their_own_and_the_studios_are_the_owners(owner):
    manager = make_manager()
    add(signed_in(manager), MINE, TOPIC, "finished")
    assert "ntfys://…4711" not in text(signed_in(owner).get("/account"))
    assert "ntfys://…4711" not in text(signed_in(owner).get("/settings"))
    for path in (STUDIO, f"{STUDIO}/remove", f"{STUDIO}/test"):
        assert signed_in(manager).post(path, {"address": TOPIC}).status_code == 404
    handle = {"address": handle_of(TOPIC)}
    signed_in(owner).post(f"{MINE}/remove", handle)
    assert Preferences.objects.of(manager).notify_urls == TOPIC
    signed_in(manager).post(f"{MINE}/remove", handle)
    assert Preferences.objects.of(manager).notify_urls == ""


def test_a_preference_saved_later_keeps_the_notices(owner):
    client = signed_in(owner)
    add(client, MINE, TOPIC, "failed")
    client.post("/account/preferences", {"theme": "dark", "density": "comfortable", "time_zone": ""})
    wanted = Preferences.objects.of(owner)
    assert (wanted.theme, wanted.notify_urls, wanted.notify_kinds) == ("dark", TOPIC, ["failed"])


@pytest.mark.parametrize(("where", "page"), [(STUDIO, "/settings"), (MINE, "/account")])
def test_a_test_notice_is_sent_and_each_result_shown(owner, receiver, where, page):
    client = signed_in(owner)
    add(client, where, json_address(receiver), "failed")
    add(client, where, "json://127.0.0.1:9/nobody", "failed")
    reply = client.post(f"{where}/test", follow=True)
    assert reply.redirect_chain == [(page, 302)]
    assert "json://…hook accepted the test notice." in text(reply)
    assert "json://…body did not accept the test notice. Check the address" in text(reply)
    [(_, _, body)] = receiver.taken
    assert json.loads(body)["message"] == "Notices of this studio arrive here."


def test_without_an_address_there_is_nothing_to_test(owner):
    client = signed_in(owner)
    assert "Send a test notice" not in text(client.get("/account"))
    assert "There is no address to send a test to." in text(client.post(f"{MINE}/test", follow=True))


def test_one_address_is_tried_at_a_time(owner, settings):
    client = signed_in(owner)
    held, done = threading.Event(), threading.Event()

    def hold():
        with host_lock(settings.DATA / "notice-test", 1):
            held.set()
            done.wait()

    other = threading.Thread(target=hold, daemon=True)
    other.start()
    assert held.wait(60)
    try:
        assert "Another address is being checked" in text(add(client, MINE, TOPIC, "failed"))
        assert "Another address is being checked" in text(client.post(f"{MINE}/test", follow=True))
    finally:
        done.set()
        other.join()


def test_what_the_environment_sets_is_shown_as_fixed(owner, settings, receiver):
    settings.SET_BY_ENVIRONMENT = frozenset(VARIABLES.values())
    settings.NOTIFY_URLS = f"{json_address(receiver)} {TOPIC}"
    settings.HEYGEN_API_KEY = "a-key-0123456789"
    client = signed_in(owner)
    shown = text(client.get("/settings"))
    assert "set by <code>STUDIO_NOTIFY_URLS</code>" in shown and "set by <code>STUDIO_NOTIFY_PROMPTS</code>" in shown
    assert "<code>ntfys://…4711</code>" in shown and "canary" not in shown
    add(client, STUDIO, f"{TOPIC}-2", "disk", prompts="on")
    client.post(f"{STUDIO}/remove", {"address": handle_of(TOPIC)})
    assert current().notify_urls == settings.NOTIFY_URLS
    row = StudioSettings.objects.get()
    assert (row.notify_urls_stored, row.notify_prompts, row.notify_kinds) == ("", None, ["disk"])
    settings.NOTIFY_URLS = json_address(receiver)
    client.post(f"{STUDIO}/test")
    assert len(receiver.taken) == 1


def test_under_another_secret_key_the_page_asks_for_the_addresses_again(owner):
    StudioSettings(notify_urls_stored="gAAAAABstored-under-another-key").save()
    assert "The stored addresses can't be read" in text(signed_in(owner).get("/settings"))
