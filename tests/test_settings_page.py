"""The owners' page Settings: HeyGen's key, polling, limits, retention, and what the environment has fixed."""

import os
import signal
import sys
from contextlib import closing

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from tests.parts.accounts import account
from tests.parts.people import make_manager, signed_in
from tests.parts.processes import wait_until
from tests.parts.studio import TOKEN
from videos.accounts.studio_form import StudioForm
from videos.models import StudioSettings
from videos.models.remote_account import REFUSED_KEY
from videos.models.studio_settings import VARIABLES, current
from videos.remotes import keys, registry
from videos.worker.supervisor import Part, Supervisor, needs_standin

KEY = "sk-canary-5f0c9b1d7e-wxyz"
FIELDS = {
    "poll_seconds": "20",
    "overdue_seconds": "15",
    "max_in_flight": "4",
    "max_video_bytes": "500",
    "min_free_bytes": "0",
    "trash_days": "7",
    "keep_days": "",
    "keep_bytes": "2.5",
    "ask_above_videos": "20",
    "ask_above_price": "50",
    "second_factor": "nobody",
}


@pytest.fixture
def nothing_is_fixed(settings):
    settings.SET_BY_ENVIRONMENT = frozenset()
    settings.HEYGEN_API_KEY = ""


@pytest.fixture
def page(owner, nothing_is_fixed):
    return signed_in(owner)


def test_every_number_that_owners_may_set_is_on_the_page():
    """One that is not shown would be emptied whenever the page is saved."""
    shown = [name for names in StudioForm.SECTIONS.values() for name in names]
    assert sorted(shown) == sorted(set(StudioForm.Meta.fields) - {"second_factor"})


@pytest.mark.django_db
def test_an_owner_sets_numbers_in_units_that_people_use(page, owner):
    assert "Leave empty for 2147.</p>" in page.get("/settings").content.decode()
    assert page.post("/settings", FIELDS).url == "/settings"
    now = current()
    assert (now.poll_seconds, now.overdue_seconds, now.max_in_flight) == (20, 900, 4)
    assert (now.max_video_bytes, now.min_free_bytes) == (500_000_000, 0)
    assert (now.trash_days, now.keep_days, now.keep_bytes) == (7, None, 2_500_000_000)
    assert (now.ask_above_videos, now.ask_above_price) == (20, 50)
    assert StudioSettings.objects.get().changed_by == owner
    assert "Seconds between polls" in LogEntry.objects.latest("pk").change_message
    shown = page.get("/settings").content.decode()
    assert 'value="15"' in shown and 'value="500"' in shown and 'value="2.5"' in shown


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("poll_seconds", "1"),
        ("poll_seconds", "nan"),
        ("max_in_flight", "0"),
        ("max_in_flight", "many"),
        ("keep_bytes", "-1"),
        ("keep_bytes", "1e300"),
        ("keep_days", "9" * 30),
        ("second_factor", "me"),
        ("ask_above_videos", "-1"),
        ("ask_above_price", "nan"),
        ("overdue_seconds", "inf"),
    ],
)
def test_a_number_that_cannot_work_is_refused_and_comes_back(page, name, value):
    answer = page.post("/settings", {**FIELDS, name: value})
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.content.decode()
    assert not StudioSettings.objects.exists()


@pytest.mark.django_db
def test_what_the_environment_sets_is_shown_as_fixed_and_stays(owner, settings):
    settings.SET_BY_ENVIRONMENT = frozenset(VARIABLES.values())
    settings.HEYGEN_API_KEY = KEY
    client = signed_in(owner)
    shown = client.get("/settings").content.decode()
    assert " ".join(shown.split()).count("where the studio is started.") == 13
    assert "wxyz" in shown and KEY not in shown
    client.post("/settings", FIELDS)
    client.post("/settings/key", {"heygen_api_key": "another-key-0123456789"})
    assert StudioSettings.objects.get().poll_seconds is None
    assert current().poll_seconds == settings.POLL_SECONDS
    assert keys.heygen_api_key() == KEY


@pytest.mark.django_db
def test_a_key_is_stored_tested_shown_by_its_end_and_removed(page, remote, settings, caplog):
    settings.HEYGEN_API_KEY = ""
    assert "There is no key" in page.get("/settings").content.decode()
    answer = page.post("/settings/key", {"heygen_api_key": "test-key"}, follow=True).content.decode()
    assert "The key is stored. HeyGen accepts the key." in answer
    page.post("/settings/key", {"heygen_api_key": KEY})
    shown = page.get("/settings").content.decode()
    assert "ends in <code>wxyz</code>" in shown and KEY not in shown
    assert registry.find("heygen_workflows").api_key == KEY
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM videos_studiosettings")
        assert KEY not in str(cursor.fetchall())
        cursor.execute("SELECT session_data FROM django_session")
        assert KEY not in str(cursor.fetchall())
    assert KEY not in caplog.text
    assert KEY not in str(list(LogEntry.objects.values()))
    assert "The stored key is removed." in page.post("/settings/key/remove", follow=True).content.decode()
    assert keys.heygen_api_key() == ""


@pytest.mark.django_db
def test_a_key_that_heygen_refuses_is_reported(page, remote, settings):
    settings.HEYGEN_API_KEY = ""
    remote.faults([{"call": "account", "do": {"status": 401}}])
    shown = page.post("/settings/key", {"heygen_api_key": KEY}, follow=True).content.decode()
    assert "The key is stored. HeyGen did not accept the API key" in shown
    assert "HeyGen did not accept the API key" in page.post("/settings/key/test", follow=True).content.decode()


@pytest.mark.django_db
def test_a_good_key_ends_the_pause_that_a_refused_one_began(page, remote, settings):
    settings.HEYGEN_API_KEY = ""
    account().pause(REFUSED_KEY)
    page.post("/settings/key", {"heygen_api_key": "test-key"})
    assert not account().paused


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "\0", "x" * 501])
def test_a_key_that_no_header_can_carry_is_refused(page, key):
    assert page.post("/settings/key", {"heygen_api_key": key}).status_code == 422
    assert not StudioSettings.objects.exists()


@pytest.mark.django_db
def test_under_another_secret_key_the_page_asks_for_the_key_again(page):
    StudioSettings(heygen_api_key_stored="gAAAAABstored-under-another-key").save()
    assert "The stored key can't be read" in page.get("/settings").content.decode()


@pytest.mark.django_db
def test_for_a_manager_the_page_does_not_exist(owner, nothing_is_fixed):
    client = signed_in(make_manager())
    assert client.get("/settings").status_code == 404
    for path in ("settings", "settings/key", "settings/key/test", "settings/key/remove"):
        assert client.post(f"/{path}", {"heygen_api_key": KEY, **FIELDS}).status_code == 404
    assert not StudioSettings.objects.exists()


# The processes that run follow


@pytest.mark.django_db
def test_a_stored_key_ends_demo_mode(settings, nothing_is_fixed):
    settings.HEYGEN_API_URL_IS_GIVEN = False
    assert needs_standin()
    row = StudioSettings()
    row.heygen_api_key = KEY
    row.save()
    assert not needs_standin()


class OnlySleeps(Supervisor):
    """A supervisor whose one part does nothing."""

    def make_parts(self):
        self.is_demo = needs_standin()
        return [Part("web", [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ))]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_supervisor_starts_its_parts_again_when_a_key_is_stored(settings, nothing_is_fixed):
    settings.HEYGEN_API_URL_IS_GIVEN, settings.HOST, settings.PORT = False, "127.0.0.1", 0
    said = []
    supervisor = OnlySleeps(said.append)
    try:
        supervisor.start(supervisor.parts[0])
        before = supervisor.parts[0].process
        supervisor.watch_key()
        assert supervisor.parts[0].process is before
        row = StudioSettings()
        row.heygen_api_key = KEY
        row.save()
        supervisor.look_at_key = 0
        supervisor.watch_key()
        assert before.poll() == -signal.SIGTERM
        assert supervisor.parts[0].is_running() and not supervisor.is_demo
        assert said == ["An API key was stored or removed: starting again with it."]
    finally:
        supervisor.end_parts()
        supervisor.listener.close()


def test_a_running_worker_uses_a_key_that_is_stored_on_the_page(start_studio, standin):
    address = {"HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = start_studio(HEYGEN_API_KEY=None, **address)
    studio.make_owner()
    make = "from tests.parts.generations import generate, owner; generate('a lighthouse', by=owner('owner'))"
    studio.manage("shell", "-v", "0", "-c", make)
    assert standin.requests("submit") == []
    with closing(studio.client()) as client:
        token = TOKEN.search(client.get("/settings").text)[1]
        client.post("/settings/key", data={"heygen_api_key": "test-key", "csrfmiddlewaretoken": token})
    wait_until(lambda: standin.requests("submit"), 30, "the generation to be sent with the new key")
