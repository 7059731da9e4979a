"""A page stays small: elements that cards share are on the page only once."""

import pytest

from tests.parts.exhibition import make
from tests.parts.people import make_owner, signed_in, with_single_cards

pytestmark = pytest.mark.django_db
MOST = 93_000  # bytes before compression, for a page of 30 cards; the aim is 90,000


@pytest.fixture
def owner():
    return with_single_cards(make_owner())


def test_a_gallery_with_thirty_ready_cards_is_at_most_93_kilobytes_of_html(owner):
    make(owner, "Fog over a still lake at dawn, slow dolly in, a single rowing boat", count=30)
    page = signed_in(owner).get("/").content
    assert page.count(b"<article ") == 30
    assert len(page) <= MOST


@pytest.mark.parametrize("status", ["queued", "running", "saving", "failed", "unknown", "stopped", "cancelled"])
def test_a_gallery_with_thirty_cards_of_any_other_state_is_no_larger(owner, status):
    make(owner, "Fog over a still lake at dawn, slow dolly in, a single rowing boat", status, count=30)
    page = signed_in(owner).get("/").content
    assert page.count(b"<article ") == 30
    assert len(page) <= MOST
