"""The first visit creates the owner, once."""

import stat

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from tests.parts.crowd import crowd
from tests.parts.people import make_owner
from tests.parts.studio import PASSWORD, Studio
from videos.accounts import setup_token

User = get_user_model()
FORM = {"username": "mona", "password": PASSWORD}


def come_and_set_up(number):
    """One of a crowd: asks for the page, then sends the form under a name of its own."""
    client = Client()
    client.get("/setup")
    return client.post("/setup", {"username": f"owner-{number}", "password": PASSWORD}).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/login", "/account", "/admin/", "/usage"])
def test_every_page_redirects_to_setup_while_there_is_no_owner(client, path):
    answer = client.get(path, follow=True)
    assert answer.request["PATH_INFO"] == "/setup"
    assert b"Create owner account" in answer.content


@pytest.mark.django_db
def test_the_first_visit_makes_an_owner_and_signs_them_in(client):
    answer = client.post("/setup", FORM)
    assert answer.status_code == 302 and answer.url == "/"
    owner = User.objects.get()
    assert (owner.username, owner.is_superuser, owner.is_staff) == ("mona", True, True)
    assert client.session["_auth_user_id"] == str(owner.pk)
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_setup_works_only_once(client):
    make_owner()
    assert client.get("/setup").url == "/login"
    assert client.post("/setup", FORM).url == "/login"
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": "", "password": PASSWORD}, "This field is required."),
        ({"username": "mona", "password": "short"}, "too short"),
        ({"username": "mona", "password": "password1"}, "too common"),
        ({"username": "monamonamona", "password": "monamonamona"}, "too similar"),
        ({"username": "no spaces", "password": PASSWORD}, "Enter a valid username"),
        ({"username": "mona\0", "password": PASSWORD}, "Null characters are not allowed."),
        ({"username": "m" * 151, "password": PASSWORD}, "at most 150 characters"),
    ],
)
def test_an_invalid_setup_says_why_and_keeps_the_name(client, fields, sentence):
    answer = client.post("/setup", fields)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_no_page_asks_for_a_mail_address(client):
    assert b"mail" not in client.get("/setup").content.lower()


@pytest.mark.django_db
def test_a_studio_that_others_can_reach_asks_for_the_printed_token(client, settings, own_files):
    settings.ONLY_THIS_MACHINE = False
    printed = []
    setup_token.announce(printed.append)
    token = printed[0].rsplit(" ", 1)[1]
    assert stat.S_IMODE((own_files / "setup-token").stat().st_mode) == 0o600

    for wrong in ("", "wrong", token[:-1], token + "x", "é"):
        assert client.post("/setup", {**FORM, "token": wrong}).status_code == 422
    assert not User.objects.exists()

    assert client.post("/setup", {**FORM, "token": f" {token} "}).status_code == 302
    assert User.objects.get().is_superuser
    assert not (own_files / "setup-token").exists()


@pytest.mark.django_db
def test_without_a_printed_token_nobody_can_guess_one(client, settings):
    settings.ONLY_THIS_MACHINE = False
    assert client.post("/setup", {**FORM, "token": ""}).status_code == 422
    assert client.post("/setup", {**FORM, "token": "None"}).status_code == 422


@pytest.mark.django_db
def test_a_restart_prints_the_same_token_and_none_once_there_is_an_owner(settings, own_files):
    settings.ONLY_THIS_MACHINE = False
    printed = []
    setup_token.announce(printed.append)
    setup_token.announce(printed.append)
    assert printed[0] == printed[1]
    make_owner()
    setup_token.announce(printed.append)
    assert len(printed) == 2
    assert not (own_files / "setup-token").exists()


@pytest.mark.django_db
def test_on_this_machine_alone_no_token_is_asked_for_or_printed(client):
    printed = []
    setup_token.announce(printed.append)
    assert printed == []
    assert b'name="token"' not in client.get("/setup").content


@pytest.mark.parametrize(
    ("environment", "is_alone"),
    [
        ({}, True),
        ({"HOST": "localhost"}, True),
        ({"HOST": "::1"}, True),
        ({"STUDIO_URL": "http://127.0.0.1:8000"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"HOST": "192.0.2.7"}, False),
        ({"STUDIO_URL": "https://studio.example.com"}, False),
        ({"STUDIO_HOSTS": "studio.example.com"}, False),
        ({"STUDIO_PROXIES": "1"}, False),
    ],
)
def test_every_setting_that_makes_a_studio_public_requires_the_token(tmp_path, environment, is_alone):
    studio = Studio(tmp_path, {"HOST": None, "DATABASE_URL": "", **environment})
    code = "from django.conf import settings; print('alone', settings.ONLY_THIS_MACHINE)"
    assert f"alone {is_alone}" in studio.manage("shell", "-v", "0", "-c", code)


@pytest.mark.django_db
def test_createsuperuser_makes_an_owner_without_a_browser(client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "mona")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "mona@example.com")
    call_command("createsuperuser", interactive=False, verbosity=0)
    assert client.post("/login", FORM).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_fifty_concurrent_setups_make_one_owner(database_url, tmp_path):
    answers = crowd("tests.test_set_up:come_and_set_up", database_url, tmp_path, processes=10, threads=5)
    assert answers == [302] * 50
    count = Studio(tmp_path / "count", {"DATABASE_URL": database_url}).manage(
        "shell", "-v", "0", "-c", "from django.contrib.auth.models import User; print('people', User.objects.count())"
    )
    assert "people 1\n" in count
