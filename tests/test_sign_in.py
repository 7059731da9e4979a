"""Signing in and out, the throttle, sessions, and the responses to signed-out requests."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests.parts.people import attempt, make_member, make_owner, signed_in
from tests.parts.studio import PASSWORD
from videos.accounts import throttle
from videos.accounts.throttle import client_address, throttled_address

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 (KHTML) Version/19.0 Safari/604.1"


@pytest.fixture(autouse=True)
def somebody():
    return make_member()


def test_a_member_made_without_a_browser_signs_in(client):
    get_user_model().objects.create_user("mina", password=PASSWORD)
    answer = attempt(client, "mina")
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/account").status_code == 200


def test_a_wrong_password_is_refused_with_one_sentence_and_the_name_comes_back(client):
    answer = attempt(client, password="wrong")
    assert answer.status_code == 422
    assert "Wrong username or password." in answer.content.decode()
    assert 'value="member"' in answer.content.decode()
    assert "wrong" not in answer.content.decode()


def test_a_name_that_nobody_has_is_answered_like_a_wrong_password(client):
    fields = {"username": "nobody", "password": "wrong"}
    sentences = [
        attempt(client, name, "wrong").content.decode().count("Wrong username or password.") for name in fields
    ]
    assert sentences == [1, 1]


def test_a_deactivated_member_is_answered_like_a_wrong_password(client, somebody):
    get_user_model().objects.filter(pk=somebody.pk).update(is_active=False)
    assert "Wrong username or password." in attempt(client).content.decode()


@pytest.mark.parametrize(
    ("asked_for", "target"),
    [
        ("/usage?by=day", "/usage?by=day"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_the_requested_page_if_it_is_in_the_studio(client, asked_for, target):
    answer = client.post("/login", {"username": "member", "password": PASSWORD, "next": asked_for})
    assert answer.url == target


@pytest.mark.parametrize("username", ["\0", "mem\0ber", "a" * 256, "a" * 9_000, "\ufffd" * 5000])
def test_a_username_that_no_database_can_hold_is_refused_in_a_sentence(client, username):
    answer = attempt(client, username)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.content.decode()


def test_a_filter_that_no_database_can_compare_is_not_found(client):
    assert signed_in(make_owner()).get("/admin/videos/generation/?status__exact=%00").status_code == 404


def test_a_signed_in_person_who_opens_the_login_page_is_redirected(somebody):
    assert signed_in(somebody).get("/login?next=/account").url == "/account"


def test_signing_out_needs_a_post(somebody):
    client = signed_in(somebody)
    assert client.get("/logout").status_code == 405
    assert client.get("/account").status_code == 200
    assert client.post("/logout").url == "/login"
    assert client.get("/account").status_code == 302


def test_a_stranger_is_sent_to_sign_in_and_back(client):
    assert client.get("/account").url == "/login?next=/account"
    assert client.get("/account", follow=True).context["next"] == "/account"


def test_a_form_sent_after_the_session_ended_is_not_repeated_as_a_get(client):
    assert client.post("/account", {"password": "x"}).url == "/login"


def test_a_fragment_asked_for_after_the_session_ended_swaps_no_login_page_in(client):
    for answer in (
        client.get("/account", headers={"HX-Request": "true"}),
        client.post("/account", headers={"HX-Request": "true"}),
    ):
        assert answer.status_code == 401
        assert answer.content == b"Your session ended. Sign in again."


def test_the_form_needs_its_token():
    client = Client(enforce_csrf_checks=True)
    answer = attempt(client)
    assert answer.status_code == 403
    assert "nothing was spent" in answer.content.decode()


# The throttle


def test_five_failures_close_the_account_to_that_address_alone(client):
    for _ in range(4):
        assert attempt(client, password="wrong").status_code == 422
    closed = attempt(client, password="wrong")
    assert closed.status_code == 429
    assert throttle.WAIT in closed.content.decode()
    assert attempt(client).status_code == 429, "not even with the right password"
    assert attempt(Client(), REMOTE_ADDR="198.51.100.7").status_code == 302, "from elsewhere the member comes in"
    make_member("other")
    assert attempt(Client(), "other").status_code == 302, "and other members come in from there"


def test_trying_again_while_locked_does_not_extend_the_lock(client):
    for _ in range(5):
        attempt(client, password="wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert attempt(client, password="wrong").status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert attempt(client).status_code == 302


def test_an_address_that_tries_many_accounts_is_closed(client):
    for number in range(throttle.FAILURES_OF_ADDRESS):
        assert attempt(client, f"guess-{number}", "wrong").status_code == 422
    assert attempt(client, "one-more", "wrong").status_code == 429
    assert attempt(Client(), REMOTE_ADDR="198.51.100.7").status_code == 302


def test_an_account_tried_from_many_addresses_stays_open_to_its_own_browsers():
    own = Client()
    assert attempt(own).status_code == 302
    own.post("/logout")
    for number in range(throttle.FAILURES_OF_ACCOUNT):
        attempt(Client(), password="wrong", REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt(Client(), REMOTE_ADDR="203.0.113.9").status_code == 429
    assert attempt(own, REMOTE_ADDR="203.0.113.10").status_code == 302


def test_a_known_browser_is_known_for_its_own_account_only():
    make_member("thief")
    thief = Client()
    attempt(thief, "thief")
    thief.post("/logout")
    for number in range(throttle.FAILURES_OF_ACCOUNT):
        attempt(Client(), password="wrong", REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt(thief, REMOTE_ADDR="203.0.113.9").status_code == 429
    thief.cookies[throttle.KNOWN_BROWSER] = "member"
    assert attempt(thief, REMOTE_ADDR="203.0.113.9").status_code == 429


def test_a_forged_forwarded_for_header_has_no_effect(client):
    for number in range(5):
        attempt(client, password="wrong", headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert attempt(client, headers={"X-Forwarded-For": "203.0.113.99"}).status_code == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.1", "127.0.0.1"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "10.9.9.9, 203.0.113.1", "203.0.113.1"),
        (2, "10.9.9.9, 203.0.113.1, 192.0.2.1", "203.0.113.1"),
        (2, "203.0.113.1", "127.0.0.1"),
        (1, "", ""),
        (1, "not an address", ""),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_what_our_own_proxies_added_is_trusted(rf, settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    assert client_address(rf.get("/", headers={"X-Forwarded-For": forwarded})) == address


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("", "0.0.0.0"),
    ],
)
def test_failures_are_counted_by_the_customer_not_by_each_of_their_addresses(rf, address, counted_as):
    assert throttled_address(rf.get("/", REMOTE_ADDR=address)) == counted_as


def test_no_password_or_token_is_stored_with_a_failure(client):
    client.post(
        "/login?next=/reset/a-secret", {"username": "member", "password": "hush", "csrfmiddlewaretoken": "a-secret"}
    )
    row = AccessAttempt.objects.get()
    kept = f"{row.get_data} {row.post_data} {row.path_info}"
    assert "hush" not in kept and "a-secret" not in kept


# Sessions


def test_the_account_page_lists_the_persons_sessions(somebody):
    laptop, phone = Client(headers={"User-Agent": FIREFOX}), Client(headers={"User-Agent": IPHONE})
    attempt(laptop)
    attempt(phone, REMOTE_ADDR="198.51.100.7")
    phone.get("/account", REMOTE_ADDR="198.51.100.7")
    page = laptop.get("/account").content.decode()
    assert "Firefox on Linux" in page and "Safari on iPhone" in page and "198.51.100.7" in page
    assert page.count("this browser") == 1
    for session in Session.objects.all():
        assert session.session_key not in page


def test_one_session_is_ended_and_the_others_stay(somebody):
    laptop, phone = signed_in(somebody), signed_in(somebody)
    phone.get("/account")
    handle = next(one.handle for one in laptop.get("/account").context["sessions"] if not one.is_this)
    assert laptop.post(f"/account/sessions/{handle}/end").url == "/account"
    assert phone.get("/account").status_code == 302
    assert laptop.get("/account").status_code == 200


def test_nobody_can_end_another_persons_session(somebody):
    mine, stranger = signed_in(somebody), signed_in(make_member("other"))
    handle = mine.get("/account").context["sessions"][0].handle
    assert stranger.post(f"/account/sessions/{handle}/end").status_code == 404
    assert mine.get("/account").status_code == 200


def test_all_other_sessions_end_at_once(somebody):
    here, there, elsewhere = signed_in(somebody), signed_in(somebody), signed_in(somebody)
    here.post("/account/sessions/end")
    assert [client.get("/account").status_code for client in (here, there, elsewhere)] == [200, 302, 302]


def test_a_changed_password_signs_out_everywhere_else(somebody):
    here, there = signed_in(somebody), signed_in(somebody)
    answer = here.post("/account", {"old_password": PASSWORD, "password": "another long password"})
    assert answer.url == "/account"
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert attempt(Client(), password=PASSWORD).status_code == 422
    assert attempt(Client(), password="another long password").status_code == 302


def test_changing_a_password_needs_the_current_one(somebody):
    client = signed_in(somebody)
    answer = client.post("/account", {"old_password": "wrong", "password": "another long password"})
    assert answer.status_code == 422
    assert "This is not your current password." in answer.content.decode()
    assert attempt(Client()).status_code == 302


def test_the_old_password_cannot_be_guessed_without_limit(somebody):
    client = signed_in(somebody)
    answers = [client.post("/account", {"old_password": f"guess {n}", "password": "x" * 12}) for n in range(8)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [429] * 4
    assert throttle.WAIT in answers[-1].content.decode() and "Where you are signed in" in answers[-1].content.decode()
    right = client.post("/account", {"old_password": PASSWORD, "password": "another long password"})
    assert right.status_code == 429
    assert attempt(Client()).status_code == 429, "the same limit holds for signing in"
    later = Client(REMOTE_ADDR="203.0.113.9")
    later.force_login(somebody)
    assert later.post("/account", {"old_password": PASSWORD, "password": "another long password"}).url == "/account"


def test_the_right_password_resets_the_count(somebody):
    client = signed_in(somebody)
    for number in range(4):
        client.post("/account", {"old_password": f"guess {number}", "password": "x" * 12})
    assert client.post("/account", {"old_password": PASSWORD, "password": "another long password"}).url == "/account"
    assert client.post("/account", {"old_password": "wrong", "password": "x" * 12}).status_code == 422


def test_a_session_of_an_older_password_is_not_listed(somebody):
    signed_in(somebody)
    somebody.set_password("another long password")
    somebody.save()
    here = signed_in(somebody)
    assert len(here.get("/account").context["sessions"]) == 1


def test_a_deactivated_member_is_out_with_the_next_request(somebody):
    client = signed_in(somebody)
    assert client.get("/account").status_code == 200
    get_user_model().objects.filter(pk=somebody.pk).update(is_active=False)
    assert client.get("/account").status_code == 302


def test_looking_at_a_page_again_writes_nothing(somebody, django_assert_num_queries):
    client = signed_in(somebody)
    client.get("/account")
    before = Session.objects.get().session_data
    client.get("/account")
    assert Session.objects.get().session_data == before


def test_a_session_ends_sixty_days_after_it_was_last_used(somebody):
    client = signed_in(somebody)
    client.get("/account")
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(days=59) < left <= timedelta(days=60)
    owner_page = signed_in(make_owner()).get("/account")
    assert owner_page.status_code == 200


def test_a_session_of_version_0_1_0_still_counts(client, somebody):
    store = SessionStore()
    store["_auth_user_id"] = str(somebody.pk)
    store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    store["_auth_user_hash"] = somebody.get_session_auth_hash()
    store["seen"] = int(timezone.now().timestamp())
    store.save()
    client.cookies["sessionid"] = store.session_key
    assert client.get("/account").status_code == client.get("/account/second-factor").status_code == 200
