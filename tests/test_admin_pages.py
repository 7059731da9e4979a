"""How the admin's lists and forms look: dates, empty lists, and rows that a phone shows as cards."""

import re

import pytest

from tests.parts.generations import make_queued, make_ready
from tests.parts.people import make_member, signed_in
from videos.models import Budget, Collection

pytestmark = pytest.mark.django_db


@pytest.fixture
def admins(owner):
    return signed_in(owner)


def words_of(answer):
    """What a person reads on the page, without the menu beside it."""
    [main] = re.findall(r"<main.*?</main>", answer.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_each_cell_of_a_list_names_its_column_and_says_whether_it_is_empty(admins):
    make_queued(make_member(), "a <b>tern</b> at dawn")
    make_ready(make_member("other"))
    page = admins.get("/admin/videos/generation/").text
    assert re.search(r'<td data-label="Owner" class="field-owner[^>]*>member</td>', page)
    assert re.search(
        r'<th data-label="Prompt" class="field-asked"><a [^>]*>a &lt;b&gt;tern&lt;/b&gt; at dawn</a></th>', page
    )
    assert len(re.findall(r'<td data-label="Took" data-empty class="field-took', page)) == 1
    assert not re.search(r'data-label="(Video|Status|Asked for)" data-empty class="field-(standing|asked_at)', page)


def test_an_empty_list_says_so_and_one_without_a_match_leads_back(admins):
    assert "Nothing here yet." in words_of(admins.get("/admin/videos/collection/"))
    assert "Nothing matches. Show everything" in words_of(admins.get("/admin/videos/collection/?q=tern"))


def test_dates_of_the_admin_are_written_as_in_the_rest_of_the_studio(admins, owner):
    collection = Collection.objects.make(owner, "Autumn")
    for path in ("/admin/videos/collection/", f"/admin/videos/collection/{collection.pk}/change/"):
        words = words_of(admins.get(path))
        assert re.search(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d\b", words)
        assert not re.search(r"[ap]\.m\.", words)


def test_the_history_of_changes_is_offered_for_what_can_be_changed(admins, owner):
    budget = Budget.objects.create(money_per_day=20)
    generation = make_queued(owner)
    collection = Collection.objects.make(owner, "Autumn")
    assert ">History<" in admins.get(f"/admin/videos/budget/{budget.pk}/change/").text
    assert ">History<" not in admins.get(f"/admin/videos/collection/{collection.pk}/change/").text
    assert ">History<" not in admins.get(f"/admin/videos/generation/{generation.pk}/change/").text
