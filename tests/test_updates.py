"""Live updates: one request returns what changed since the page last asked, or 204 if nothing has."""

import re

import pytest

from tests.parts.accounts import account
from tests.parts.generations import make
from tests.parts.people import make_member, make_owner, signed_in, with_single_cards
from videos.models import ProcessLock
from videos.views.gallery import MAX_CHANGES

# On PostgreSQL a change is shown once it is committed, which it never is within a test's own transaction.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class Tab:
    """An open page: it knows its cursor and its filter, as the script does."""

    def __init__(self, user, query=""):
        self.client, self.query = signed_in(user), query
        self.read(self.client.get(f"/?{query}"))

    def read(self, reply):
        self.since = re.search(r'name="since"\s+id="since"\s+value="([^"]*)"', reply.content.decode())[1]

    def look(self):
        reply = self.client.get(f"/updates?{self.query}", {"since": self.since}, headers={"HX-Request": "true"})
        if self.query:
            reply = self.client.get(f"/updates?{self.query}&since={self.since}", headers={"HX-Request": "true"})
        if reply.status_code == 200:
            self.read(reply)
        return reply

    def changes(self):
        """Ids of cards that came, and of cards to take away."""
        reply = self.look()
        body = reply.content.decode()
        return re.findall(r'<article [^>]*id="g-([^"]+)"', body), re.findall(r'id="g-([^"]+)" data-gone', body)


@pytest.fixture
def member():
    ProcessLock.objects.acquire("poller", 30)
    return with_single_cards(make_member())


def public(generation):
    return str(generation.public_id)


def test_nothing_new_is_204_with_nothing_in_it(member):
    make(member, status="queued", count=3)
    reply = Tab(member).look()
    assert (reply.status_code, reply.content) == (204, b"")


def test_a_change_comes_once(member):
    first, second = make(member, status="queued", count=2)
    tab = Tab(member)
    first.cancel()
    assert tab.changes() == ([public(first)], [])
    assert tab.look().status_code == 204
    second.mark_favourite(True)
    assert tab.changes() == ([public(second)], [])


def test_a_new_video_comes_to_every_open_tab(member):
    tabs = [Tab(member), Tab(member)]
    (generation,) = make(member, status="queued")
    for tab in tabs:
        assert tab.changes() == ([public(generation)], [])


def test_cards_that_no_longer_match_the_filter_are_removed(member):
    (generation,) = make(member, status="queued")
    tab = Tab(member, "state=running")
    generation.cancel()
    assert tab.changes() == ([], [public(generation)])


def test_trashed_cards_are_removed_and_restored_ones_come_back(member):
    (generation,) = make(member)
    tab = Tab(member)
    generation.move_to_trash()
    assert tab.changes() == ([], [public(generation)])
    generation.restore()
    assert tab.changes() == ([public(generation)], [])


def test_nobody_gets_updates_about_videos_they_may_not_see(member):
    tab = Tab(member)
    (generation,) = make(make_owner(), status="queued")
    assert tab.look().status_code == 204
    generation.share_with_team(True)
    assert tab.changes() == ([public(generation)], [])


def test_counts_title_and_cursor_come_along(member):
    tab = Tab(member)
    make(member, status="queued", count=2)
    body = tab.look().content.decode()
    assert "<title>(2) HeyGen Studio</title>" in body
    assert '<small id="n-running" hx-swap-oob="innerHTML">2</small>' in body


def test_the_cursor_stays_small(member):
    tab = Tab(member)
    for _ in range(3):
        for generation in make(member, status="queued", count=60):
            generation.mark_favourite(True)
        tab.look()
    assert len(tab.since) < 100


def test_a_change_after_the_trash_was_emptied_of_the_newest_change_is_not_missed(member):
    newest, other = make(member, status="cancelled", count=2)
    newest.move_to_trash()
    tab = Tab(member)
    newest.remove_for_good()
    other.mark_favourite(True)
    assert tab.changes() == ([public(other)], [])


def test_after_a_long_sleep_the_whole_list_comes_instead(member):
    tab = Tab(member)
    make(member, status="queued", count=MAX_CHANGES + 5)
    reply = tab.look()
    assert reply["HX-Retarget"] == "#gallery"
    assert reply.content.decode().count("<article") == 30


SINCE = ["", "nonsense", "1~2~3", "1~a.b~", "~~", "9" * 30, "5~1.2.3_4~", "-1", "0~", "0:0:~", "1:2", "1:2:~", "::"]
OUT_OF_ORDER = [
    "5:3:~",
    "1:9:3,2~",
    "1:9:2,2~",
    "1:2:2~",
    "1:9:2,~",
    "01:9:~",
    "1:9:²~",
    f"1:{2**64}:~",
    f"1:{2**62}:~",
]


@pytest.mark.parametrize("since", SINCE + OUT_OF_ORDER)
def test_a_cursor_that_cannot_be_read_means_everything(member, since):
    make(member, status="queued")
    assert signed_in(member).get("/updates", {"since": since}).status_code in {200, 204}


def test_a_pause_and_its_end_reach_an_open_page(member):
    tab = Tab(member)
    account().pause("key")
    assert "did not accept the API key." in tab.look().content.decode()
    assert tab.look().status_code == 204
    account().resume()
    reply = tab.look()
    assert reply.status_code == 200
    assert "did not accept the API key." not in reply.content.decode()


def test_one_update_costs_a_handful_of_queries_whatever_the_page_shows(member, django_assert_max_num_queries):
    make(member, status="queued", count=40)
    tab = Tab(member)
    with django_assert_max_num_queries(12):
        assert tab.look().status_code == 204
