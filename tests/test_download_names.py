"""A downloaded file keeps the words of its prompt, in any script, and the names in an archive differ."""

import io
import unicodedata
import zipfile

import pytest

from tests.parts.generations import make
from tests.parts.people import signed_in
from videos.views.download_names import MAX_BYTES, words_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "words",
    [
        "एक समुद्र तट पर सूर्यास्त",  # Hindi
        "ชายหาดที่สวยงามในตอนเช้า",  # Thai
        "شاطئٌ جميلٌ عند الغروبِ",  # Arabic with its vowels
        "חוֹף יָפֶה בַּשְּׁקִיעָה",  # pointed Hebrew
        "می‌خواهم پرواز کنم",  # Persian, with a zero-width non-joiner
        "夕日の砂浜とカモメ",
    ],
)
def test_words_keep_their_marks_in_every_script(words):
    assert words_of(words) == unicodedata.normalize("NFC", words)


def test_a_decomposed_letter_is_composed_and_keeps_its_accent():
    assert words_of("caf\u0065\u0301 cre\u0300me") == "café crème"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("../../etc/passwd", "etc passwd"),
        ('a "quote": <b>|*?\\', "a quote b"),
        ("🎬🎬🎬", "video"),
        ("\u200d\u200d", "video"),
        ("-rf", "rf"),
        ("two\nlines\tand\u0000nul", "two lines and nul"),
        ("a\u202etxt.exe", "a txt exe"),
    ],
)
def test_characters_that_file_names_cannot_have_become_a_space(prompt, words):
    assert words_of(prompt) == words


def test_a_long_prompt_is_never_cut_inside_a_letter():
    for words in ("क्षि" * 40, "é" * 100, "e\u0301\u0323" * 100, "𠀀" * 100, "ا\u064b" * 100):
        name = words_of(words)
        whole = unicodedata.normalize("NFC", words)
        assert 20 < len(name) <= 60
        assert len(name.encode()) <= MAX_BYTES
        assert whole.startswith(name)
        assert unicodedata.category(whole[len(name)])[0] != "M"


def archive_of(owner, generations):
    ids = [str(generation.public_id) for generation in generations]
    answer = signed_in(owner).post("/selected", {"operation": "download", "ids": ids})
    names = zipfile.ZipFile(io.BytesIO(answer.getvalue())).namelist()
    return [name for name in names if name != "contents.csv"]


def test_an_archive_names_provider_ratio_and_seed(owner):
    seeded = make(owner, "समुद्र तट", providers=["veo_3_1"], ratio="9:16", config={"seed": 41})[0]
    plain = make(owner, "समुद्र तट", providers=["sora_v2"])[0]
    names = archive_of(owner, [seeded, plain])
    assert any(name.startswith(f"समुद्र तट {seeded.provider.name} 9x16 seed 41 2") for name in names)
    assert any(name.startswith(f"समुद्र तट {plain.provider.name} 16x9 2") for name in names)


def test_equal_names_are_numbered_even_if_only_capitals_differ(owner):
    several = [make(owner, prompt, seconds_ago=100)[0] for prompt in ("A lighthouse", "a lighthouse", "a lighthouse")]
    names = archive_of(owner, several)
    assert len({name.casefold() for name in names}) == 3
    assert sum(name.endswith(" (2).mp4") for name in names) == 1
    assert sum(name.endswith(" (3).mp4") for name in names) == 1
