"""The viewer: its contents for each person, and its previous and next."""

from html.parser import HTMLParser

import pytest

from tests.parts.generations import make, make_queued
from tests.parts.people import make_member, signed_in
from videos.engine.submit import submit
from videos.models import Generation

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(owner):
    return signed_in(owner)


def page(client, generation, query="", **headers):
    return client.get(f"/g/{generation.public_id}{query}", headers=headers)


def test_everything_that_is_known_is_shown(client, owner):
    [generation] = make(owner, "a lighthouse", config={"duration": 4, "seed": 7}, took=131)
    text = page(client, generation).content.decode()
    saved = generation.saved_video
    for known in (
        "a lighthouse",
        "VEO 3.1",
        "16:9",
        f"{saved.width} × {saved.height}",
        "took 2:11",
        "seed 7",
        generation.remote_id,
        generation.asset_id,
        generation.video_id,
        saved.sha256,
    ):
        assert known in text, known


def test_only_a_post_marks_it_as_seen(client, owner):
    [generation] = make(owner)
    page(client, generation)
    page(client, generation, **HTMX)
    assert not Generation.objects.get(pk=generation.pk).seen
    assert client.post(f"/g/{generation.public_id}/seen").status_code == 204
    assert Generation.objects.get(pk=generation.pk).seen


def test_previous_and_next_stay_in_the_list_of_the_address(client, owner):
    [old] = make(owner, "old", favourite=True)
    make(owner, "plain")
    [middle] = make(owner, "middle", favourite=True)
    make(owner, "plain too")
    [new] = make(owner, "new", favourite=True)
    response = page(client, middle, "?state=favourite")
    assert response.context["newer"] == new
    assert response.context["older"] == old
    assert f"/g/{old.public_id}?state=favourite" in response.content.decode()


@pytest.mark.parametrize(
    "status", ["queued", "sending", "running", "saving", "failed", "unknown", "stopped", "cancelled"]
)
def test_every_state_has_a_page(client, owner, status):
    [generation] = make(owner, status=status)
    response = page(client, generation)
    assert response.status_code == 200
    assert b"<video" not in response.content
    assert page(client, generation, **HTMX).status_code == 200


def test_private_videos_do_not_exist_for_other_members(owner):
    [generation] = make(owner)
    other = signed_in(make_member())
    assert page(other, generation).status_code == 404
    assert other.get(f"/g/{generation.public_id}/video.mp4").status_code == 404


def test_a_member_can_watch_a_shared_video_but_not_act_on_it(owner):
    [generation] = make(owner, shared=True)
    other = signed_in(make_member())
    text = page(other, generation).content.decode()
    assert 'aria-label="Move to trash"' not in text
    assert 'id="sharing"' not in text
    assert other.post(f"/g/{generation.public_id}/trash").status_code == 404
    assert other.post(f"/g/{generation.public_id}/share").status_code == 404
    assert other.post(f"/g/{generation.public_id}/link").status_code == 404


def test_trashing_from_its_own_page_stays_there_and_offers_to_bring_it_back(client, owner):
    [generation] = make(owner)
    address = f"/g/{generation.public_id}"
    response = client.post(f"{address}/trash", {"next": address}, follow=True)
    assert response.redirect_chain == [(address, 302)]
    assert "Restore" in response.content.decode()
    response = client.post(f"{address}/restore", {"next": address}, follow=True)
    assert "Move to trash" in response.content.decode()


def test_no_form_leads_to_another_site(client, owner):
    [generation] = make(owner)
    response = client.post(f"/g/{generation.public_id}/trash", {"next": "https://elsewhere.example/"})
    assert response.url == f"/#g-{generation.public_id}"


ACTIONS = {
    "unknown": {"found", "not-made", "another"},
    "stopped": {"check"},
    "queued": {"cancel"},
    "running": set(),
}


class PlainForms(HTMLParser):
    """The forms of a page that work with scripts off, by the last part of their address: the fields of each."""

    def __init__(self, page: str):
        super().__init__()
        self.found, self.fields = {}, {}
        self.feed(page)

    def handle_starttag(self, tag, given):
        attributes = dict(given)
        if tag == "form":
            self.fields = {}
            if attributes.get("method") == "post" and "hx-post" not in attributes:
                self.found[attributes.get("action", "").rpartition("/")[2]] = self.fields
        elif tag in {"input", "button"} and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value", "")


def forms(page: str) -> dict[str, dict[str, str]]:
    return PlainForms(page).found


@pytest.mark.parametrize("status", ACTIONS)
def test_with_scripts_off_the_viewer_offers_the_possible_actions(client, owner, status):
    [generation] = make(owner, status=status)
    offered = forms(page(client, generation).text)
    assert set(offered) & {"found", "not-made", "another", "check", "stop", "cancel"} == ACTIONS[status]


@pytest.mark.parametrize(
    ("status", "action", "becomes"), [("unknown", "not-made", "cancelled"), ("stopped", "check", "running")]
)
def test_with_scripts_off_a_plain_form_moves_it_and_comes_back_here(client, owner, status, action, becomes):
    [generation] = make(owner, status=status)
    fields = forms(page(client, generation).text)[action]
    reply = client.post(f"/g/{generation.public_id}/{action}", fields)
    assert (reply.status_code, reply["Location"]) == (302, f"/g/{generation.public_id}")
    generation.refresh_from_db()
    assert generation.status == becomes


def test_with_scripts_off_an_unknown_outcome_can_be_made_again(client, owner):
    [generation] = make(owner, status="unknown")
    fields = forms(page(client, generation).text)["another"]
    assert client.post(f"/g/{generation.public_id}/another", fields).status_code == 302
    again = page(client, generation).text
    assert Generation.objects.get(retry_of=generation).status == "queued"
    assert "another" not in forms(again), "one more is asked for below its own line"
    assert "again" in forms(again)["retry"]


def test_with_scripts_off_an_id_that_was_found_is_followed_and_a_wrong_one_stays_in_its_field(client, owner, remote):
    [generation] = make(owner, status="unknown")
    fields = forms(page(client, generation).text)["found"]
    reply = client.post(f"/g/{generation.public_id}/found", fields | {"remote_id": "no such id"})
    assert reply.status_code == 422
    assert 'value="no such id"' in reply.text
    assert "Paste the id as HeyGen shows it" in reply.text
    sent = make_queued(owner)
    submit(sent.pk)
    sent.refresh_from_db()
    known, sent.remote_id = sent.remote_id, "node-gw-of-another"
    sent.save()
    client.post(f"/g/{generation.public_id}/found", fields | {"remote_id": known})
    generation.refresh_from_db()
    assert (generation.status, generation.remote_id) == ("running", known)
