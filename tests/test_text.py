"""Text in every language: found however it is written, shown in its own direction, and counted as it was typed."""

import re
import unicodedata

import pytest

from tests.parts.clicks import click_generate
from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.forms.generate import LONGEST_PROMPT
from videos.models import Generation
from videos.text import bytes_in_words, folded, with_line_feeds

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "gallery"}
TOKEN = "a-form-token-0123456789"
RIGHT_TO_LEFT = "מגדלור בערפל, 4K, צילום רחפן"


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


def decomposed(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("МОСКВА ночью", "москва"),
        ("Ёлка в снегу", "елка"),
        ("ΑΘΗΝΑ το πρωί", "αθηνα"),
        ("ΟΔΟΣ", "οδος"),
        ("Un café à Paris", "cafe"),
        ("Un cafe a Paris", "café"),
        ("Un café", decomposed("CAFÉ")),
        (decomposed("Un café"), "café"),
        ("Straße im Regen", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("東京タワー", "東京"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("हिन्दी फ़िल्म", "हिन्दी"),
        ("100 % fog_machine", "% fog_"),
    ],
)
def test_a_prompt_is_found_in_whatever_case_and_with_whatever_accents(member, prompt, words):
    [found] = make(member, prompt, "queued")
    make(member, "something else", "queued")
    assert list(Generation.objects.search(words)) == [found]


@pytest.mark.parametrize(("one", "other"), [("かき", "がき"), ("कल", "कुल"), ("50%", "50x"), ("a_b", "axb")])
def test_a_different_word_is_not_found(member, one, other):
    make(member, other, "queued")
    assert not Generation.objects.search(one).exists()


def test_folding_twice_changes_nothing():
    for text in ("МОСКВА", "Café", "Straße", "İ", "ﬁ", "가나다", "が"):
        assert folded(folded(text)) == folded(text)


def count_of(page, tab):
    return int(re.search(rf'id="n-{tab}"[^>]*>(\d+)<', page)[1])


def test_the_counts_of_the_tabs_follow_the_search_and_its_hits_are_shown(client, member):
    make(member, "a lighthouse", "queued", count=2)
    make(member, "a harbour", "failed", count=3)
    for headers in ({}, HTMX):
        page = client.get("/?q=light", headers=headers).content.decode()
        assert [count_of(page, tab) for tab in ("all", "running", "attention")] == [2, 2, 0]
        assert "2 videos" in re.search(r'id="hits".*?</p>', page, re.S)[0]
    assert "<title>(2) HeyGen Studio</title>" in client.get("/?q=harbour").content.decode()
    assert "video" not in re.search(r'id="hits".*?</p>', client.get("/").content.decode(), re.S)[0]


def test_after_generate_the_search_box_is_as_empty_as_the_search(client, member):
    make(member, "a lighthouse", "queued")
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?q=light"}
    page = click_generate(client, headers, prompt="a harbour")
    assert page["HX-Push-Url"] == "/"
    box = re.search(r'<input[^>]*id="q"[^>]*>', page.content.decode())[0]
    assert 'value=""' in box
    assert "hx-swap-oob" in box


def test_line_breaks_are_kept_and_sent_as_one_character(client):
    prompt = "\r\n".join(["x" * 99] * (LONGEST_PROMPT // 100)) + "\r\n"
    assert len(prompt) > LONGEST_PROMPT == len(with_line_feeds(prompt))
    client.post("/generate", {"prompt": prompt, "token": TOKEN, "config": '{\r\n"negative_prompt": "blur"}'})
    generation = Generation.objects.get()
    assert "\r" not in generation.prompt
    assert len(generation.prompt) == LONGEST_PROMPT


def test_what_a_person_wrote_is_shown_and_typed_in_its_own_direction(client, member):
    make(member, RIGHT_TO_LEFT, "failed")
    [ready] = make(member, RIGHT_TO_LEFT, count=2)[:1]
    for address, least in {
        "/": 3,
        f"/?q={RIGHT_TO_LEFT[:6]}": 3,
        f"/g/{ready.public_id}": 1,
        f"/compare?batch={ready.batch.public_id}": 1,
        "/compare": 1,
        f"/compose?reuse={ready.public_id}": 2,
    }.items():
        page = client.get(address).content.decode()
        shown = [tag for tag, text in re.findall(r"<([^<>/][^<>]*)>([^<]*)", page) if RIGHT_TO_LEFT in text]
        assert len(shown) >= least, address
        for tag in shown:
            assert 'dir="auto"' in tag or tag.startswith(("bdi", "title")), (address, tag)


def test_a_size_in_words_is_in_powers_of_ten():
    words = {0: "0 bytes", 999: "999 bytes", 3_140_000: "3.1 MB", 2 * 1024**3: "2.1 GB"}
    assert {size: bytes_in_words(size) for size in words} == words
