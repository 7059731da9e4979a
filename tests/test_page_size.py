"""A page stays small: elements that cards share are on the page only once."""

import pytest
from django.db import connection

from tests.parts.generations import make
from tests.parts.people import make_owner, signed_in, with_single_cards

pytestmark = pytest.mark.django_db
MAX_BYTES = 90_000  # bytes before compression, for a page of 30 cards
MADE_BEFORE = 500_000  # videos, and batches of them
RESTART = {
    "sqlite": "INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})",
    "postgresql": "ALTER SEQUENCE {table}_id_seq RESTART WITH {last}",
}


@pytest.fixture(autouse=True)
def numbers(db):
    """The numbers of rows stand on the page: they have the digits of a studio at work, whichever tests ran before."""
    with connection.cursor() as cursor:
        for table in ("videos_generation", "videos_batch"):
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute(RESTART[connection.vendor].format(table=table, last=MADE_BEFORE))


@pytest.fixture
def owner():
    return with_single_cards(make_owner())


def test_a_gallery_with_thirty_ready_cards_is_at_most_90_kilobytes_of_html(owner):
    make(owner, "A drone shot flying over a coastal city at sunset, the light on the water, number 12", count=31)
    page = signed_in(owner).get("/").content
    assert page.count(b"<article ") == 30
    assert b"Load more" in page
    assert len(page) <= MAX_BYTES


@pytest.mark.parametrize("status", ["queued", "running", "saving", "failed", "unknown", "stopped", "cancelled"])
def test_a_gallery_with_thirty_cards_of_any_other_state_is_no_larger(owner, status):
    make(owner, "Fog over a still lake at dawn, slow dolly in, a single rowing boat", status, count=30)
    page = signed_in(owner).get("/").content
    assert page.count(b"<article ") == 30
    assert len(page) <= MAX_BYTES


@pytest.mark.parametrize("count", [2, 4, 8])
def test_a_gallery_with_thirty_stacks_is_no_larger(count):
    owner = make_owner()
    for _ in range(30):
        make(owner, "Fog over a still lake at dawn, slow dolly in, a single rowing boat", count=count)
    page = signed_in(owner).get("/").content
    assert page.count(b"<article ") == 30
    assert len(page) <= MAX_BYTES
