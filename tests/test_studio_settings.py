"""The owners' settings apply within two seconds in every process, below the environment, and secrets are unreadable."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from videos.encryption import decrypt, encrypt
from videos.models import Preferences, StudioSettings
from videos.models.studio_settings import CACHE, VARIABLES, current, is_fixed

pytestmark = pytest.mark.django_db
KEY = "sk-canary-0123456789-abcd"


@pytest.fixture(autouse=True)
def nothing_from_outside(settings):
    settings.SET_BY_ENVIRONMENT = frozenset()


def test_what_was_never_set_is_the_default(settings):
    settings.POLL_SECONDS = 12
    assert current().poll_seconds == 12
    assert current().keep_days is None


def test_an_owners_setting_applies_at_once_in_this_process():
    StudioSettings(poll_seconds=20).save()
    assert current().poll_seconds == 20
    StudioSettings(poll_seconds=30).save()
    assert (StudioSettings.objects.count(), current().poll_seconds) == (1, 30)


def test_another_process_follows_within_two_seconds(monkeypatch):
    StudioSettings(max_in_flight=3).save()
    assert current().max_in_flight == 3
    StudioSettings.objects.update(max_in_flight=4)  # as another process does it
    assert current().max_in_flight == 3
    CACHE.read_at -= 2
    assert current().max_in_flight == 4


def test_the_environment_overrides_what_an_owner_sets(settings):
    settings.SET_BY_ENVIRONMENT = frozenset(VARIABLES.values())
    StudioSettings(poll_seconds=20, trash_days=3).save()
    assert is_fixed("poll_seconds")
    assert (current().poll_seconds, current().trash_days) == (settings.POLL_SECONDS, settings.TRASH_DAYS)


def test_zero_is_a_value_and_not_the_default(settings):
    StudioSettings(min_free_bytes=0).save()
    settings.MIN_FREE_BYTES = 7
    assert current().min_free_bytes == 0


def test_every_default_is_a_setting_of_that_name(settings):
    fields = VARIABLES.keys() - {"heygen_api_key"}
    assert [name for name in fields if not hasattr(settings, name.upper())] == []


@pytest.mark.parametrize(("name", "value"), [("poll_seconds", 1), ("poll_seconds", 600), ("max_in_flight", 0)])
def test_a_value_that_cannot_work_is_not_valid(name, value):
    with pytest.raises(ValidationError):
        StudioSettings(**{name: value}).full_clean()


def test_the_key_is_stored_unreadable_and_only_its_end_in_clear():
    row = StudioSettings()
    row.heygen_api_key = KEY
    row.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM videos_studiosettings")
        assert KEY not in str(cursor.fetchall())
    kept = StudioSettings.objects.get()
    assert (kept.heygen_api_key, kept.heygen_api_key_ends, kept.key_is_unreadable) == (KEY, "abcd", False)


def test_a_short_key_shows_no_part_of_itself():
    row = StudioSettings()
    row.heygen_api_key = "abcdefg"
    assert row.heygen_api_key_ends == ""


def test_under_another_secret_key_the_stored_key_is_unreadable_and_nothing_breaks(settings):
    row = StudioSettings()
    row.heygen_api_key = KEY
    row.save()
    settings.SECRET_KEY = "another-secret-key-" * 3
    kept = StudioSettings.objects.get()
    assert (kept.heygen_api_key, kept.key_is_unreadable) == ("", True)


def test_a_secret_key_that_was_replaced_still_reads_what_it_wrote(settings):
    stored = encrypt("secret")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" * 3
    assert decrypt(stored) == "secret"


def test_a_person_without_choices_has_the_defaults(owner):
    preferences = Preferences.objects.of(owner)
    assert (preferences.theme, preferences.density, preferences.time_zone) == ("system", "comfortable", "")
    assert not Preferences.objects.exists()
