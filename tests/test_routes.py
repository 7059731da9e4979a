"""Who may request what: every route, every kind of person and every method, against one declared table.

A route that the table does not know fails. Things of other people are answered like missing ones.
"""

import re
import time
from dataclasses import dataclass

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django_q.models import Failure, Task

from tests.parts.accounts import account
from tests.parts.extent import EVERYTHING
from tests.parts.generations import make_ready, picture
from tests.parts.people import make_manager, make_member, make_owner
from videos.accounts import sessions
from videos.engine import signed_links
from videos.models import (
    Budget,
    Collection,
    Comment,
    Job,
    OneTimeLink,
    Preset,
    ProcessLock,
    PublicLink,
    ReviewLink,
    StudioFault,
    Verdict,
    audit,
)
from videos.storage.writable import writable

HTMX = {"HX-Request": "true"}
WAYS = {
    "GET": ("get", {}),
    "HEAD": ("head", {}),
    "Range": ("get", {"Range": "bytes=0-9"}),
    "POST": ("post", {}),
    "HTMX GET": ("get", HTMX),
    "HTMX POST": ("post", HTMX),
}
EVERYBODY = {"stranger", "member", "other", "manager", "owner", "gone"}
SIGNED_IN = {"member", "other", "manager", "owner"}
ITS_MAKER = {"member"}  # whose generation, picture or session the address names
OWNER = {"owner"}
MANAGERS = {"manager", "owner"}


@dataclass(frozen=True)
class Row:
    """What those who may are answered. A way that is not named is not allowed: 405.

    `hidden`: for whoever may not, the page does not even tell which methods it takes.
    """

    may: set[str]
    get: int = 405
    post: int = 405
    ranged: int = 0
    htmx_post: int = 0
    hidden: bool = False

    def granted(self, way: str) -> int:
        if way == "Range":
            return self.ranged or self.get
        if way == "HTMX POST":
            return self.htmx_post or self.post
        return self.post if way == "POST" else self.get

    def expected(self, person: str, way: str) -> int:
        if person in self.may:
            return self.granted(way)
        if person in SIGNED_IN:
            return 405 if self.granted(way) == 405 and not self.hidden else 404
        return 401 if way.startswith("HTMX") else 302


def page(may, post=405):
    return Row(may, get=200, post=post)


def file(may):
    return Row(may, get=200, ranged=206)


def action(may, post=302, htmx_post=200):
    return Row(may, post=post, htmx_post=htmx_post)


def owners(get=405, post=405):
    return Row(OWNER, get=get, post=post, hidden=True)


def managers(get=405, post=405):
    return Row(MANAGERS, get=get, post=post, hidden=True)


# An empty form is a bad form: 422. Whoever is signed in already has no use for the login: 302.
TABLE = {
    "gallery": page(SIGNED_IN),
    "look": action(SIGNED_IN),
    "updates": Row(SIGNED_IN, get=204),
    "generate": Row(SIGNED_IN, post=422),
    "undo": Row(ITS_MAKER, get=200, post=302, htmx_post=200),
    "compose": page(SIGNED_IN),
    "prompt_words": page(SIGNED_IN),
    "keys": page(SIGNED_IN),
    "presets": page(SIGNED_IN, post=422),
    "use_preset": action(ITS_MAKER, post=200),
    "remove_preset": action(ITS_MAKER, post=200),
    "fill": Row(SIGNED_IN, post=200),
    "advise": Row(SIGNED_IN, post=200),
    "frame": page(SIGNED_IN, post=422),
    "earlier_frames": page(SIGNED_IN),
    "menu": page(ITS_MAKER),
    "details": page(ITS_MAKER),
    "video": file(ITS_MAKER),
    "poster": file(ITS_MAKER),
    "last_frame": file(ITS_MAKER),
    "picture": file(ITS_MAKER),
    "cancel": action(ITS_MAKER),
    "hold": action(ITS_MAKER),
    "let_go": action(ITS_MAKER),
    "to_front": action(ITS_MAKER),
    "edit": action(ITS_MAKER),
    "retry": action(ITS_MAKER),
    "another": action(ITS_MAKER),
    "found": action(ITS_MAKER, post=422, htmx_post=422),
    "not_made": action(ITS_MAKER),
    "stop": action(ITS_MAKER),
    "check": action(ITS_MAKER),
    "favourite": action(ITS_MAKER),
    "verdict": action(ITS_MAKER),
    "seen": action(ITS_MAKER, post=204, htmx_post=204),
    "trash": action(ITS_MAKER),
    "restore": action(ITS_MAKER),
    "resume": action(MANAGERS),
    "viewer": page(ITS_MAKER),
    "share_team": action(ITS_MAKER),
    "make_link": action(ITS_MAKER),
    "revoke_link": action(ITS_MAKER),
    "shared": page(EVERYBODY),
    "shared_watched": Row(EVERYBODY, post=204),
    "shared_file": file(EVERYBODY),
    "collections": page(SIGNED_IN, post=422),
    "choose_collection": Row(SIGNED_IN, post=200),
    "collection": page(ITS_MAKER),
    "edit_collection": Row(ITS_MAKER, post=422),
    "share_collection": action(ITS_MAKER, htmx_post=302),
    "collection_cover": action(ITS_MAKER, htmx_post=302),
    "collection_order": action(ITS_MAKER, htmx_post=204),
    "delete_collection": action(ITS_MAKER, htmx_post=302),
    "collection_approved": Row(ITS_MAKER, get=302),
    "decide": Row(ITS_MAKER, post=404),
    "comment": Row(ITS_MAKER, post=422),
    "resolve_comment": Row(ITS_MAKER, post=302, htmx_post=200),
    "remove_comment": Row(ITS_MAKER, post=302, htmx_post=200),
    "review_links": page(ITS_MAKER, post=422),
    "revoke_review_link": Row(ITS_MAKER, post=302),
    "agency": owners(get=200, post=302),
    "client": page(EVERYBODY),
    "client_enter": Row(EVERYBODY, post=302),
    "client_watched": Row(EVERYBODY, post=204),
    "client_mark": Row(EVERYBODY, get=404),
    "client_preview": file(EVERYBODY),
    "client_approved": Row(EVERYBODY, get=404),
    "client_answer": Row(EVERYBODY, post=404),
    "client_comment": Row(EVERYBODY, post=422),
    "client_file": file(EVERYBODY),
    "personal_note": action(ITS_MAKER),
    "import": page(SIGNED_IN, post=422),
    "selected": action(SIGNED_IN),
    "download_results": Row(SIGNED_IN, get=302),
    "empty_trash": action(SIGNED_IN, htmx_post=302),
    "compare": page(SIGNED_IN),
    "batch": page(SIGNED_IN, post=422),
    "batch_template": page(SIGNED_IN),
    "usage": page(SIGNED_IN),
    "usage_csv": page(SIGNED_IN),
    "setup": Row(EVERYBODY, get=302, post=302),
    "login": Row(EVERYBODY, get=302, post=302),
    "logout": action(SIGNED_IN, htmx_post=302),
    "invite": page(EVERYBODY, post=422),
    "reset": page(EVERYBODY, post=422),
    "account_login": Row(EVERYBODY, get=302, post=302),  # the same page, by the name that allauth asks for
    "mfa_authenticate": Row(EVERYBODY, get=302, post=302),  # nobody here is between password and code
    "mfa_login_webauthn": Row(EVERYBODY, get=302, post=302),
    "openid_connect_login": Row(EVERYBODY, get=404),  # no provider is set up
    "openid_connect_callback": Row(EVERYBODY, get=404),
    "socialaccount_login_cancelled": page(EVERYBODY),
    "account_reauthenticate": page(SIGNED_IN, post=200),
    "mfa_reauthenticate": Row(SIGNED_IN, get=302, post=302),  # they have a password, and no second factor
    "mfa_reauthenticate_webauthn": Row(SIGNED_IN, get=302, post=302),
    "mfa_index": page(SIGNED_IN),
    "mfa_list_webauthn": page(SIGNED_IN),
    "mfa_activate_totp": Row(SIGNED_IN, get=302, post=302),  # the password first
    "mfa_add_webauthn": Row(SIGNED_IN, get=302, post=302),
    "mfa_remove_webauthn": Row(SIGNED_IN, get=302, post=302),
    "mfa_generate_recovery_codes": Row(SIGNED_IN, get=302, post=302),
    "mfa_deactivate_totp": Row(SIGNED_IN, get=404, post=404),
    "mfa_view_recovery_codes": Row(SIGNED_IN, get=404),
    "mfa_download_recovery_codes": Row(SIGNED_IN, get=404, post=404),
    "account": page(SIGNED_IN, post=422),
    "disconnect": Row(SIGNED_IN, post=302),
    "preferences": Row(SIGNED_IN, post=422),
    "account_notices": Row(SIGNED_IN, post=302),
    "account_notices_remove": Row(SIGNED_IN, post=302),
    "account_notices_test": Row(SIGNED_IN, post=302),
    "file_names": Row(SIGNED_IN, get=200, post=422),
    "end_other_sessions": action(SIGNED_IN, htmx_post=302),
    "end_session": action(ITS_MAKER, htmx_post=302),
    "members": managers(get=200),
    "members_invite": managers(post=200),
    "members_withdraw": managers(post=302),
    "members_shared_budget": managers(get=200, post=422),
    "members_role": owners(get=200, post=422),
    "members_second_factor": owners(post=302),
    "members_reset": owners(post=200),
    "members_deactivate": managers(post=302),
    "members_activate": managers(post=302),
    "members_budget": managers(get=200, post=422),
    "settings": owners(get=200, post=422),
    "settings_key": owners(post=302),
    "settings_key_test": owners(post=302),
    "settings_key_remove": owners(post=302),
    "settings_notices": owners(post=302),
    "settings_notices_remove": owners(post=302),
    "settings_notices_test": owners(post=302),
    "remotes": managers(get=200),
    "remotes_check": managers(post=302),
    "remotes_low_balance": owners(post=302),
    "remotes_pause": managers(post=302),
    "remotes_resume": managers(post=302),
    "tour": page(SIGNED_IN),
    "healthz": page(EVERYBODY),
    "metrics": Row(EVERYBODY, get=404),  # where no token is set; else see test_metrics.py
    "signed_picture": page(EVERYBODY),
}
FOR_STRANGERS = {"login": page(EVERYBODY, post=422), "account_login": page(EVERYBODY, post=422)}
FOR_THE_MAKER = {  # whose gallery alone has something new, and something to download
    "updates": page(SIGNED_IN),
    "download_results": page(SIGNED_IN),
}

# The admin: for each registered model, whether it may be added to, changed and deleted from by hand.
ADMIN_MODELS = {
    "admin.logentry": "",
    "auth.user": "add change",
    "django_q.failure": "delete",
    "videos.batch": "",
    "videos.clip": "",
    "videos.preset": "",
    "videos.reviewlink": "",
    "videos.verdict": "",
    "videos.budget": "add change delete",
    "videos.collection": "",
    "videos.generation": "",
    "videos.ledgerentry": "",
    "videos.onetimelink": "",
    "videos.picture": "",
    "videos.provider": "add change",
    "videos.publiclink": "",
    "videos.remoteaccount": "change",
    "videos.savedvideo": "",
    "videos.processlock": "",
    "videos.studiofault": "",
}


def walk(patterns, space=""):
    """Every route as a name, or as its pattern where it has none."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield space + (pattern.name or str(pattern.pattern))


ROUTES = set(walk(get_resolver().url_patterns))


class World:
    """A studio with one of everything, made once and restored after each request."""

    def __init__(self):
        self.people = {
            "stranger": None,
            "member": make_member("member"),
            "other": make_member("other"),
            "manager": make_manager("manager"),
            "owner": make_owner("owner"),
            "gone": make_member("gone"),
        }
        self.sessions = {name: self.live_session(person) for name, person in self.people.items()}
        get_user_model().objects.filter(username="gone").update(is_active=False)
        member, owner = self.people["member"], self.people["owner"]
        self.picture = picture(by=member)
        self.generation = make_ready(member, start_frame=self.picture)
        self.collection = Collection.objects.make(member, "Autumn launch")
        self.preset = Preset.objects.create(owner=member, name="Tall", aspect_ratio="9:16")
        self.collection.add([self.generation], member)
        self.clip = self.collection.clips.get()
        self.comment = Comment.objects.write(self.clip, author=member, name="member", text="wider")
        self.link = PublicLink.objects.create(generation=self.generation)
        review_token = ReviewLink.issue(self.collection, member, label="Tern")
        self.review_link = ReviewLink.objects.get()
        self.tokens = {
            **{name: review_token for name in TABLE if name.startswith("client")},
            "invite": OneTimeLink.objects.issue("invite", owner),
            "reset": OneTimeLink.objects.issue("password", owner, for_user=member),
            "signed_picture": signed_links.make_token(self.picture),
        }

    def live_session(self, person):
        if person is None:
            return ""
        client = Client()
        client.force_login(person)
        return client.cookies["sessionid"].value

    def path(self, name):
        wanted = get_resolver().reverse_dict.getlist(name)[0][0][0][1]
        of_collection = {"collection", "edit_collection", "share_collection", "delete_collection"}
        given = {
            "public_id": self.picture.public_id if name == "picture" else self.generation.public_id,
            "batch": self.generation.batch.public_id,
            "token": self.tokens.get(name, self.link.token),
            "which": "start",
            "name": "video.mp4",
            "scope": "studio",
            "handle": sessions.handle_of(self.sessions["member"]),
            "pk": self.people["member"].pk,
        }
        if name == "members_withdraw":
            given["pk"] = OneTimeLink.objects.get(purpose="invite").pk
        if name in ("decide", "comment", "resolve_comment", "remove_comment"):
            given |= {"public_id": self.collection.public_id, "clip": self.clip.public_id, "pk": self.comment.pk}
        if name == "revoke_review_link":
            given["pk"] = self.review_link.pk
        if name.startswith("client_"):
            given["clip"] = self.clip.public_id
        if name in of_collection | {"review_links", "revoke_review_link"} or name.startswith("collection_"):
            given["public_id"] = self.collection.public_id
        if name in {"use_preset", "remove_preset"}:
            given["public_id"] = self.preset.public_id
        given["backend"] = "heygen_models"
        return reverse(name, kwargs={key: given[key] for key in wanted})

    def ask(self, person, way, path):
        method, headers = WAYS[way]
        client = Client(headers=headers)
        client.cookies["sessionid"] = self.sessions[person]
        with transaction.atomic():
            answer = getattr(client, method)(path)
            if answer.streaming:
                b"".join(answer.streaming_content)
            transaction.set_rollback(True)
        return answer


@pytest.fixture(scope="module")
def kept_world(made_for_all):
    return World()


@pytest.fixture
def world(db, kept_world):
    ProcessLock.objects.acquire("poller", 30)
    # The write probe has a connection of its own, which waits for the test's transaction.
    writable.answers, writable.keep_until = {"database": True, "storage": True}, time.monotonic() + 60
    return kept_world


def test_every_route_is_in_the_table():
    assert {name for name in ROUTES if not name.startswith("admin:")} == set(TABLE)


def test_every_model_in_the_admin_is_in_the_table():
    assert {model._meta.label_lower for model in admin.site._registry} == set(ADMIN_MODELS)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_route_answers_each_person_as_declared(world, name):
    """Its maker and the owner ask in every way; the others get it, post to it, and ask in one more way by turns."""
    path = world.path(name)
    expected, answered = {}, {}
    for number, person in enumerate(world.people):
        is_stranger = person in ("stranger", "gone")
        special = FOR_STRANGERS if is_stranger else FOR_THE_MAKER if person == "member" else {}
        row = special.get(name, TABLE[name])
        for way in ways_of(person, number):
            answer = world.ask(person, way, path)
            expected[person, way], answered[person, way] = row.expected(person, way), answer.status_code
            if is_stranger and person not in row.may and answer.status_code == 302:
                assert answer.url.startswith("/login")
    assert answered == expected


def ways_of(person, number):
    if EVERYTHING or person in ("member", "owner"):
        return list(WAYS)
    further = [way for way in WAYS if way not in ("GET", "POST")]
    return ["GET", "POST", further[number % len(further)]]


ADMIN_PAGES = {"changelist": "", "add": "add", "delete": "delete", "history": "", "change": ""}  # and what it needs
ADMIN_OWN = {  # the pages that no model has
    "admin:index": 200,
    "admin:login": 302,
    "admin:logout": 405,
    "admin:password_change": 302,
    "admin:jsi18n": 200,
    "admin:autocomplete": 403,
    "admin:app_list": 302,
    "admin:view_on_site": 404,
    "admin:auth_user_password_change": 200,
    "admin:(?P<url>.*)$": 404,
    "admin:<path:object_id>/": 302,
    "admin:password_change_done": 302,
}
SPECIAL_ARGUMENTS = {
    "admin:app_list": ["videos"],
    "admin:view_on_site": [1, 1],
}


def objects_by_model(world):
    """One row of every model that the admin shows."""
    Budget.objects.create(scope="studio", videos_per_day=5000)
    account()
    ProcessLock.objects.acquire("recovery", 30)
    StudioFault.objects.record(Job.SAVING, ValueError("odd"))
    audit.record(world.people["owner"], "the trash", "Emptied.")
    Verdict.objects.decide(world.people["owner"], world.generation, Verdict.Word.KEPT)
    Task.objects.create(
        id="1" * 32, name="a", func="f", started=world.link.created_at, stopped=world.link.created_at, success=False
    )
    return {model: model.objects.order_by("pk").first() for model in admin.site._registry}


def admin_requests(world):
    """(route, path, what an owner's GET is answered) for every page of the admin."""
    for model, row in objects_by_model(world).items():
        label = model._meta.label_lower
        by_hand = ADMIN_MODELS[label].split()
        for page_name, needed in ADMIN_PAGES.items():
            route = f"admin:{label.replace('.', '_')}_{page_name}"
            path = reverse(route, args=[] if page_name in ("changelist", "add") else [row.pk])
            yield route, path, 200 if needed in ["", *by_hand] else 403
    user = world.people["member"]
    yield "admin:auth_user_password_change", reverse("admin:auth_user_password_change", args=[user.pk]), 200
    yield "admin:<path:object_id>/", f"/admin/videos/generation/{world.generation.pk}/", 302
    yield "admin:(?P<url>.*)$", "/admin/nothing/here/", 404
    for route in ADMIN_OWN.keys() - {
        "admin:auth_user_password_change",
        "admin:<path:object_id>/",
        "admin:(?P<url>.*)$",
    }:
        yield route, reverse(route, args=SPECIAL_ARGUMENTS.get(route, [])), ADMIN_OWN[route]


def test_every_page_of_the_admin_is_for_owners_alone(world):
    """Everybody asks for every page: in every way with `make test-all`, otherwise in one, by turns."""
    asked = set()
    for number, (route, path, granted) in enumerate(list(admin_requests(world))):
        asked.add(route)
        for way in WAYS if EVERYTHING else [list(WAYS)[number % len(WAYS)]]:
            for person in ("member", "other", "manager"):
                expected = {302} if route == "admin:login" else {404}
                assert world.ask(person, way, path).status_code in expected, (route, person, way)
            for person in ("stranger", "gone"):
                answer = world.ask(person, way, path)
                if route != "admin:login" and way.startswith("HTMX"):
                    assert answer.status_code == 401, (route, person, way)
                else:
                    assert answer.status_code == 302 and answer.url.startswith("/login"), (route, person, way)
        assert world.ask("owner", "GET", path).status_code == granted, (route, path)
        assert world.ask("owner", "POST", path).status_code < 500, (route, path)
    assert asked == {name for name in ROUTES if name.startswith("admin:")}


MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def empty_parts(page: str) -> list[str]:
    """Which of the title and the main part of this page have no words, or are missing. A fragment has neither."""
    if not page[:200].lstrip().lower().startswith("<!doctype html>"):
        return []
    parts = {"main": MAIN.search(page), "title": TITLE.search(page)}
    words = {name: TAG.sub("", found[1]) if found else "" for name, found in parts.items()}
    return [name for name, text in words.items() if not text.replace("· HeyGen Studio", "").strip()]


def test_a_page_without_text_is_detected():
    page = "<!DOCTYPE html><title>{} · HeyGen Studio</title><main id='main'>{}</main>"
    assert empty_parts(page.format("Usage", "<h1>Usage</h1>")) == []
    assert empty_parts(page.format("", ' <svg class="icon"></svg> ')) == ["main", "title"]
    assert empty_parts("<!doctype html><title>Usage</title>") == ["main"]


def test_every_page_has_a_title_and_words_in_its_main_part(world):
    """Its maker or an owner sees each page, and a stranger those that need no account."""
    found, pages = {}, set()
    asked = [("member" if "member" in row.may else "owner", world.path(name)) for name, row in TABLE.items()]
    asked += [("stranger", world.path(name)) for name, row in TABLE.items() if "stranger" in row.may]
    asked += [("owner", path) for _, path, granted in admin_requests(world) if granted == 200]
    for person, path in asked:
        answer = world.ask(person, "GET", path)
        if not answer.streaming and answer["Content-Type"].startswith("text/html"):
            page = answer.content.decode()
            pages |= {path} if MAIN.search(page) else set()
            if parts := empty_parts(page):
                found[person, path] = parts
    assert found == {}
    assert len(pages) > 90


def test_private_things_of_others_are_answered_like_missing_ones(world):
    others = world.ask("other", "GET", f"/g/{world.generation.public_id}")
    nobodys = world.ask("other", "GET", "/g/00000000-0000-4000-8000-000000000000")
    assert others.status_code == nobodys.status_code == 404
    assert others.content == nobodys.content


def test_get_requests_change_nothing(world):
    """Everybody gets every page, and its maker asks for its head: afterwards the database is what it was, apart from
    when sessions were last used."""
    models = [model for model in admin.site._registry if model is not Failure]
    before = {model: list(model.objects.order_by("pk").values()) for model in models}
    for name in TABLE:
        for person in world.people:
            client = Client()
            client.cookies["sessionid"] = world.sessions[person]
            for method in (client.get, client.head) if person == "member" else (client.get,):
                answer = method(world.path(name))
                if answer.streaming:
                    b"".join(answer.streaming_content)
    assert {model: list(model.objects.order_by("pk").values()) for model in models} == before
