"""How each person sees the studio: theme, cards and time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.formats import date_format

from heygen_studio.time_zone import studio_day
from tests.parts.people import make_member, signed_in
from videos.models import Preferences

pytestmark = pytest.mark.django_db
CHOSEN = {"theme": "dark", "density": "comfortable", "time_zone": "Asia/Tokyo"}


@pytest.fixture
def member():
    return make_member()


def test_without_a_choice_the_theme_of_the_system_is_used(member):
    page = signed_in(member).get("/").content.decode()
    assert "data-theme" not in page and '<meta name="color-scheme" content="light dark">' in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_applies_to_every_page_at_once(member, theme):
    client = signed_in(member)
    assert client.post("/account/preferences", {**CHOSEN, "theme": theme}).url == "/account"
    for address in ("/", "/account", "/usage"):
        page = client.get(address).content.decode()
        assert f'data-theme="{theme}"' in page and f'<meta name="color-scheme" content="{theme}">' in page


def test_another_browser_of_the_same_person_follows_within_minutes(member):
    here, there = signed_in(member), signed_in(member)
    there.get("/account")
    here.post("/account/preferences", CHOSEN)
    assert 'data-theme="dark"' not in there.get("/account").content.decode()
    session = Session.objects.get(pk=there.session.session_key)
    store = there.session
    store["seen"] -= 301
    store.save()
    assert session and 'data-theme="dark"' in there.get("/account").content.decode()


def test_times_are_shown_in_the_time_zone_that_a_person_chose(member):
    client = signed_in(member)
    client.get("/account")
    member.refresh_from_db()
    seen = datetime.fromtimestamp(client.session["seen"], UTC)
    assert date_format(timezone.localtime(seen), "j F, H:i") in client.get("/account").content.decode()
    client.post("/account/preferences", CHOSEN)
    shown = client.get("/account").content.decode()
    assert date_format(seen.astimezone(ZoneInfo("Asia/Tokyo")), "j F, H:i") in shown


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "\0", "x" * 65, "posix", "America"])
def test_an_invalid_time_zone_is_refused_and_kept_in_its_field(member, zone):
    answer = signed_in(member).post("/account/preferences", {**CHOSEN, "time_zone": zone})
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.content.decode()
    assert not Preferences.objects.exists()


def test_a_zone_that_the_system_no_longer_knows_breaks_no_page(member):
    client = signed_in(member)
    client.get("/account")
    store = client.session
    store["time_zone"] = "Mars/Olympus"
    store.save()
    assert client.get("/account").status_code == 200


def test_the_days_of_budgets_are_the_studios_in_every_time_zone():
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    with timezone.override("Asia/Tokyo"):
        assert timezone.localdate(late) == studio_day(late) + timedelta(days=1)


def test_no_page_asks_the_database_for_the_theme(member, django_assert_num_queries):
    client = signed_in(member)
    client.post("/account/preferences", CHOSEN)
    client.get("/batch/template.csv")
    with django_assert_num_queries(2):  # session and user
        client.get("/batch/template.csv")
