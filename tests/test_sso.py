"""Signing in by OpenID Connect, against a provider that runs as a process on loopback."""

import sys
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model

from tests.parts.people import attempt, make_member, make_owner, signed_in
from tests.parts.processes import environment, free_port, start, stop, wait_until
from tests.parts.studio import PASSWORD
from tests.test_second_factor import set_up_app
from videos.accounts import roles, sso

pytestmark = pytest.mark.django_db
User = get_user_model()


class Provider:
    """The provider and the people it knows."""

    def __init__(self, folder):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
        self.process = start(command, environment(), folder / "provider.log")
        wait_until(self.answers, 30, "the provider of OpenID Connect")

    def answers(self):
        try:
            return httpx.get(f"{self.url}/.well-known/openid-configuration", timeout=60).is_success
        except httpx.TransportError:
            return False

    def knows(self, sub, **claims):
        httpx.put(f"{self.url}/users/{sub}", json=claims, timeout=60).raise_for_status()

    def agree(self, address, sub):
        """Signs `sub` in on the provider's page; returns the address back to the studio."""
        back = urlsplit(httpx.post(address, data={"sub": sub}, timeout=60).headers["Location"])
        assert back.netloc == "testserver"
        return f"{back.path}?{back.query}"


@pytest.fixture(scope="module")
def running_provider(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("provider"))
    yield provider
    stop(provider.process)


@pytest.fixture
def provider(running_provider, settings):
    """The studio, set up to let people in by it."""
    settings.OIDC_URL, settings.OIDC_CLIENT_ID = running_provider.url, "studio"
    app = {**settings.OIDC_APP, "client_id": "studio", "secret": "s", "settings": {"server_url": running_provider.url}}
    only = {**settings.SOCIALACCOUNT_PROVIDERS["openid_connect"], "APPS": [app]}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": only}
    return running_provider


@pytest.fixture
def by_groups(provider, settings):
    """The provider's groups decide the roles."""
    settings.OIDC_CLAIM = "groups"
    settings.OIDC_OWNERS, settings.OIDC_MANAGERS, settings.OIDC_MEMBERS = ["admins"], ["leads"], ["video", "film"]
    return provider


def come_in(client, provider, sub, asked_for=""):
    """Through the provider and back: the studio's last answer."""
    return client.get(provider.agree(client.get(f"/login/sso{asked_for}").url, sub))


def role_of(username):
    return roles.role_of(User.objects.get(username=username))


def test_without_a_provider_there_is_neither_the_page_nor_the_button(client, owner):
    assert client.get("/login/sso").status_code == client.get("/login/sso/back").status_code == 404
    assert "/login/sso" not in client.get("/login").content.decode()


def test_a_new_person_becomes_a_member_and_gets_to_the_requested_page(client, owner, provider):
    provider.knows("anna-1", preferred_username="anna", email="anna@example.com")
    assert 'href="/login/sso?next=%2Fusage"' in client.get("/login?next=/usage").content.decode()
    assert come_in(client, provider, "anna-1", "?next=/usage").url == "/usage"
    assert client.get("/account").status_code == 200
    anna = User.objects.get(username="anna")
    assert (roles.role_of(anna), anna.has_usable_password()) == ("member", False)
    account = client.get("/account").content.decode()
    assert "You have no password here." in account and "Change password" not in account
    assert "this browser" in client.get("/account").content.decode()


def test_the_same_person_is_the_same_account_whatever_they_are_called_there(client, owner, provider):
    provider.knows("ben-1", preferred_username="ben")
    come_in(client, provider, "ben-1")
    client.post("/logout")
    provider.knows("ben-1", preferred_username="benjamin")
    come_in(client, provider, "ben-1")
    assert list(User.objects.exclude(pk=owner.pk).values_list("username", flat=True)) == ["ben"]


def test_a_name_that_somebody_here_has_takes_over_nothing(client, owner, provider):
    provider.knows("mallory-1", preferred_username="owner", email="owner@example.com", email_verified=True)
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    assert come_in(client, provider, "mallory-1").url == "/"
    assert client.get("/admin/").status_code == 404
    assert SocialAccount.objects.get().user != owner


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["admins"], "owner"),
        (["video", "admins"], "owner"),
        (["leads", "video"], "manager"),
        ("film", "member"),
        (["video"], "member"),
    ],
)
def test_a_claim_decides_the_role(client, owner, by_groups, groups, role):
    by_groups.knows("carla-1", preferred_username="carla", groups=groups)
    assert come_in(client, by_groups, "carla-1").url == "/"
    assert role_of("carla") == role


@pytest.mark.parametrize("claims", [{}, {"groups": []}, {"groups": ["sales"]}, {"groups": {"video": True}}])
def test_people_with_none_of_the_values_are_refused_with_a_sentence(client, owner, by_groups, claims):
    by_groups.knows("dora-1", preferred_username="dora", **claims)
    answer = come_in(client, by_groups, "dora-1")
    assert answer.status_code == 403 and sso.NOT_A_MEMBER.replace("'", "&#x27;") in answer.content.decode()
    assert client.get("/account").status_code == 302
    assert not User.objects.filter(username="dora").exists()


def test_the_provider_takes_a_role_away_with_the_next_sign_in(client, owner, by_groups):
    for groups, role in ((["admins"], "owner"), (["leads"], "manager"), (["video"], "member")):
        by_groups.knows("emil-1", preferred_username="emil", groups=groups)
        come_in(client, by_groups, "emil-1")
        assert role_of("emil") == role
        client.post("/logout")


def test_the_last_owner_stays_one_whatever_the_provider_says(client, by_groups):
    by_groups.knows("fred-1", preferred_username="fred", groups=["admins"])
    come_in(client, by_groups, "fred-1")
    client.post("/logout")
    by_groups.knows("fred-1", preferred_username="fred", groups=["video"])
    assert come_in(client, by_groups, "fred-1").url == "/"
    assert role_of("fred") == "owner"


def test_the_first_person_to_sign_in_must_be_an_owner(client, by_groups):
    by_groups.knows("gina-1", preferred_username="gina", groups=["video"])
    assert come_in(client, by_groups, "gina-1").status_code == 403
    assert not User.objects.exists()


def test_a_deactivated_person_cannot_sign_in(client, owner, provider):
    provider.knows("hugo-1", preferred_username="hugo")
    come_in(client, provider, "hugo-1")
    client.post("/logout")
    User.objects.filter(username="hugo").update(is_active=False)
    assert come_in(client, provider, "hugo-1").status_code == 403
    assert client.get("/account").status_code == 302


def test_a_member_with_a_password_connects_the_two_after_giving_it_again(client, owner, provider):
    member = make_member()
    browser = signed_in(member)
    browser.post("/account/again", {"password": PASSWORD})
    provider.knows("ida-1", preferred_username="ida")
    assert come_in(browser, provider, "ida-1", "?process=connect").url == "/account"
    assert "Your account is connected" in browser.get("/account").content.decode()
    assert come_in(client, provider, "ida-1").url == "/"
    assert client.get("/account").context["user"] == member
    assert attempt(client, "owner").status_code == 302


def test_a_person_with_a_password_disconnects_the_two(client, owner, provider):
    browser = signed_in(make_member())
    browser.post("/account/again", {"password": PASSWORD})
    provider.knows("mia-1", preferred_username="mia")
    come_in(browser, provider, "mia-1", "?process=connect")
    assert "Disconnected." in browser.post("/account/sso/disconnect", follow=True).content.decode()
    assert not SocialAccount.objects.exists()
    provider.knows("nils-1", preferred_username="nils")
    come_in(client, provider, "nils-1")
    assert "You have no password here" in client.post("/account/sso/disconnect", follow=True).content.decode()
    assert SocialAccount.objects.count() == 1


def test_connecting_asks_for_the_password_first(owner, provider):
    provider.knows("jan-1", preferred_username="jan")
    browser = signed_in(make_member())
    assert come_in(browser, provider, "jan-1", "?process=connect").url == "/account/again"
    assert not SocialAccount.objects.exists()


def test_the_second_factor_that_somebody_set_up_here_is_asked_for_too(client, owner, provider):
    browser = signed_in(make_member())
    set_up_app(browser)
    provider.knows("kai-1", preferred_username="kai")
    come_in(browser, provider, "kai-1", "?process=connect")
    assert come_in(client, provider, "kai-1", "?next=/usage").url == "/login/code"
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("query", ["", "?code=a", "?code=a&state=b", "?state=%00", "?error=access_denied&state=b"])
def test_a_callback_that_nobody_started_signs_nobody_in(client, owner, provider, query):
    assert client.get(f"/login/sso/back{query}").status_code in (302, 401)
    assert client.get("/account").status_code == 302


def test_a_code_from_another_browser_signs_nobody_in(client, owner, provider):
    provider.knows("lea-1", preferred_username="lea")
    begun_elsewhere = signed_in(make_owner("other"))
    way_back = provider.agree(begun_elsewhere.get("/login/sso").url, "lea-1")
    assert client.get(way_back).status_code == 401
    assert not User.objects.filter(username="lea").exists()


def test_an_unreachable_provider_gets_a_page(client, owner, provider, settings):
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"]["server_url"] = f"http://127.0.0.1:{free_port()}"
    answer = client.get("/login/sso")
    assert answer.status_code == 502
    assert "The sign-in service does not answer." in answer.content.decode()


def test_the_studio_sends_the_provider_only_what_it_must(client, owner, provider):
    asked = parse_qs(urlsplit(client.get("/login/sso").url).query)
    assert sorted(asked["scope"][0].split()) == ["email", "openid", "profile"]
    assert asked["redirect_uri"] == ["http://testserver/login/sso/back"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"][0]


def test_a_claim_deep_inside_is_found(settings):
    claims = {"realm_access": {"roles": ["admins", 7]}}
    assert sso.values_of(claims, "realm_access.roles") == {"admins", "7"}
    assert sso.values_of(claims, "realm_access.none") == sso.values_of({}, "a.b") == set()
