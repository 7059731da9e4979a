"""The second factor: an authenticator app, recovery codes, and who must have one."""

import re
import time
from urllib.parse import urlencode

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.parts.people import attempt, make_manager, make_member, make_owner, signed_in
from tests.parts.studio import PASSWORD
from videos.accounts import second_factor, throttle
from videos.models import OneTimeLink, StudioSettings

pytestmark = pytest.mark.django_db
SETUP = "/account/second-factor"


@pytest.fixture
def member():
    return make_member()


def code_of(secret, ahead=0):
    """The code that the app shows now, or `ahead` times 30 seconds later."""
    counter = int(time.time()) // 30 + ahead
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def set_up_app(client, password=PASSWORD):
    """Sets up an app as a person does: password again, key, code. Returns the key."""
    client.post("/account/again", {"password": password})
    secret = client.get(f"{SETUP}/app").context["form"].secret
    answer = client.post(f"{SETUP}/app", {"code": code_of(secret)})
    assert answer.url == f"{SETUP}/codes"
    return secret


def test_a_phone_that_cannot_scan_itself_opens_its_app_or_copies_the_key(member):
    client = signed_in(member)
    client.post("/account/again", {"password": PASSWORD})
    page = client.get(f"{SETUP}/app")
    assert 'href="otpauth://totp/' in page.content.decode()
    assert f'data-copy="{page.context["form"].secret}"' in page.content.decode()


@pytest.fixture
def secret(member):
    return set_up_app(signed_in(member))


def recovery_codes(person):
    return Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()


def test_without_a_second_factor_the_password_is_enough(client, member):
    assert attempt(client).url == "/"
    assert client.get("/account").status_code == 200


def test_the_password_is_asked_for_again_before_the_second_factor_is_changed(member):
    client = signed_in(member)
    assert client.get(f"{SETUP}/app").url == f"/account/again?{urlencode({'next': f'{SETUP}/app'})}"
    assert client.post("/account/again", {"password": "wrong"}).status_code == 200
    assert client.get(f"{SETUP}/app").status_code == 302
    answer = client.post(f"/account/again?next={SETUP}/app", {"password": PASSWORD})
    assert answer.url == f"{SETUP}/app"
    assert client.get(f"{SETUP}/app").status_code == 200


def test_the_app_is_set_up_with_a_code_and_recovery_codes_are_shown(member):
    client = signed_in(member)
    set_up_app(client)
    page = client.get(f"{SETUP}/codes").content.decode()
    assert len(re.findall(r"<li>\d{8}</li>", page)) == 10
    assert "10 of 10 are left" in page
    assert "Remove the app" in client.get(SETUP).content.decode()


def test_a_wrong_code_sets_nothing_up(member):
    client = signed_in(member)
    client.post("/account/again", {"password": PASSWORD})
    client.get(f"{SETUP}/app")
    assert "did not match" in client.post(f"{SETUP}/app", {"code": "000000"}).content.decode()
    assert not second_factor.has(member)


def test_the_code_is_asked_for_after_the_password_and_leads_to_the_requested_page(client, secret):
    answer = client.post("/login", {"username": "member", "password": PASSWORD, "next": "/usage"})
    assert answer.url == "/login/code"
    assert client.get("/account").status_code == 302, "the password alone is not enough"
    assert client.post("/login/code", {"code": "123"}).status_code == 200
    assert client.get("/account").status_code == 302
    assert client.post("/login/code", {"code": code_of(secret, ahead=1)}).url == "/usage"
    assert client.get("/account").status_code == 200


def test_the_code_page_is_useless_without_the_password(client, secret):
    assert client.get("/login/code").url == "/login"
    assert client.post("/login/code", {"code": code_of(secret, ahead=1)}).url == "/login"


def test_a_code_works_once(secret):
    code = code_of(secret, ahead=1)
    first, second = Client(), Client()
    for client in (first, second):
        attempt(client)
    assert first.post("/login/code", {"code": code}).url == "/"
    assert second_factor.WRONG in second.post("/login/code", {"code": code}).content.decode()


def test_the_code_that_set_the_app_up_does_not_work_long_after(client, secret):
    attempt(client)
    assert client.post("/login/code", {"code": code_of(secret, ahead=-3)}).status_code == 200


def test_a_recovery_code_works_once(member, secret):
    code = recovery_codes(member)[0]
    for expected in (302, 200):
        client = Client()
        attempt(client)
        assert client.post("/login/code", {"code": code}).status_code == expected
    assert len(recovery_codes(member)) == 9


def test_new_recovery_codes_replace_the_old_ones(member, secret):
    client = signed_in(member)
    old = recovery_codes(member)
    client.post("/account/again", {"password": PASSWORD})
    client.post(f"{SETUP}/codes/new")
    assert not set(old) & set(recovery_codes(member))


def test_recovery_codes_are_downloaded_as_text(member, secret):
    client = signed_in(member)
    client.post("/account/again", {"password": PASSWORD})
    answer = client.get(f"{SETUP}/codes.txt")
    assert answer["Content-Type"].startswith("text/plain")
    assert recovery_codes(member)[3] in answer.content.decode()


def test_codes_cannot_be_guessed_without_limit(client, secret):
    attempt(client)
    answers = [client.post("/login/code", {"code": f"{n:06}"}).status_code for n in range(5)]
    assert answers == [200] * 4 + [429]
    assert client.post("/login/code", {"code": code_of(secret, ahead=1)}).status_code == 429
    assert attempt(Client()).status_code == 429, "the same limit holds for the password"


def test_the_right_password_does_not_reset_the_count_of_codes(client, secret):
    for _ in range(4):
        attempt(client)
        client.post("/login/code", {"code": "000000"})
    attempt(client)
    assert throttle.WAIT in client.post("/login/code", {"code": "000000"}).content.decode()


def test_nothing_of_it_is_stored_unencrypted(member, secret):
    code = recovery_codes(member)[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        kept = str(cursor.fetchall())
    assert secret not in kept and code not in kept and kept.count("gAAAA") == 2


def test_under_another_secret_key_no_code_works_and_nothing_breaks(client, member, secret, settings):
    code = recovery_codes(member)[0]
    settings.SECRET_KEY = "another-secret-key-" * 3
    attempt(client)
    for typed in (code_of(secret, ahead=1), code, "", "\0", "9" * 200):
        assert client.post("/login/code", {"code": typed}).status_code in (200, 429)
    assert client.get("/account").status_code == 302


def test_a_link_for_a_new_password_still_asks_for_the_code(client, member, secret, owner):
    token = OneTimeLink.objects.issue("password", owner, for_user=member)
    answer = client.post(f"/reset/{token}", {"password": "another long password"})
    assert answer.url == "/login/code"
    assert client.get("/account").status_code == 302


def test_the_admin_asks_for_it_too(client, owner):
    secret = set_up_app(signed_in(owner))
    assert client.get("/admin/").url == "/login?next=/admin/"
    assert client.post("/login", {"username": "owner", "password": PASSWORD, "next": "/admin/"}).url == "/login/code"
    assert client.get("/admin/").status_code == 302
    assert client.post("/login/code", {"code": code_of(secret, ahead=1)}).url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_the_app_is_removed_and_its_recovery_codes_with_it(client, member, secret):
    browser = signed_in(member)
    browser.post("/account/again", {"password": PASSWORD})
    assert browser.post(f"{SETUP}/app/remove").url == SETUP
    assert not Authenticator.objects.exists()
    assert attempt(client).url == "/"


def test_an_owner_removes_the_second_factor_of_somebody_who_lost_it(client, owner, member, secret):
    theirs = signed_in(member)
    page = signed_in(owner).post(f"/members/{member.pk}/second-factor/remove", follow=True).content.decode()
    assert "member has no second factor any more" in page
    assert theirs.get("/account").status_code == 302, "signed out everywhere"
    assert attempt(client).url == "/"


def test_a_manager_removes_nobodys_second_factor(owner, member, secret):
    client = signed_in(make_manager())
    assert client.post(f"/members/{member.pk}/second-factor/remove").status_code == 404
    assert second_factor.has(member)


# Who must have one


@pytest.mark.parametrize(
    ("rule", "who"),
    [("nobody", []), ("managers", ["owner", "manager"]), ("everybody", ["owner", "manager", "member"])],
)
def test_people_who_must_have_one_set_it_up_before_anything_else(rule, who):
    people = [make_owner(), make_manager(), make_member()]
    StudioSettings(second_factor=rule).save()
    clients = {person.username: signed_in(person) for person in people}
    assert [name for name, client in clients.items() if client.get("/").status_code == 302] == who
    for name in who:
        client = clients[name]
        assert client.get("/account").url == client.post("/generate", {"prompt": "a"}).url == SETUP
        answer = client.get("/updates", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.content) == (403, b"Set up a second factor first.")
        assert "This studio asks for a second factor" in client.get(SETUP).content.decode()
        assert client.get("/healthz").status_code in (200, 503)
        set_up_app(client)
        assert client.get("/").status_code == 200


def test_people_who_must_have_one_cannot_open_the_admin_without_it(owner):
    StudioSettings(second_factor="managers").save()
    client = signed_in(owner)
    assert client.get("/admin/").url == client.get("/admin/videos/generation/").url == SETUP


def test_invited_people_set_it_up_at_once_without_repeating_their_password(client, owner):
    StudioSettings(second_factor="everybody").save()
    token = OneTimeLink.objects.issue("invite", owner)
    client.post(f"/invite/{token}", {"username": "nina", "password": PASSWORD})
    assert client.get("/").url == SETUP
    assert client.get(f"{SETUP}/app").status_code == 200


def test_the_command_removes_it_for_the_last_owner(client, owner, capsys):
    set_up_app(signed_in(owner))
    call_command("removesecondfactor", "owner")
    assert capsys.readouterr().out == "owner now signs in with the password alone.\n"
    assert attempt(client, "owner").url == "/"
    for name, why in (("owner", "has no second factor"), ("nobody", "There is nobody named nobody")):
        with pytest.raises(CommandError, match=why):
            call_command("removesecondfactor", name)


def test_an_unfinished_sign_in_has_a_short_session(client, secret):
    attempt(client)
    assert client.session.get_expiry_age() == 3600
    client.post("/login/code", {"code": code_of(secret, ahead=1)})
    assert client.session.get_expiry_age() == 60 * 24 * 3600


def test_people_who_must_have_one_can_still_sign_out(member):
    StudioSettings(second_factor="everybody").save()
    assert signed_in(member).post("/logout").url == "/login"


def test_people_without_a_password_use_the_providers_second_factor(member):
    StudioSettings(second_factor="everybody").save()
    member.set_unusable_password()
    member.save()
    assert not second_factor.must_have(member)
