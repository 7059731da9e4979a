"""Every hostile or odd picture is either redrawn clean or refused with one sentence."""

import io
import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.corpus_pictures import (
    BLUE,
    CASES,
    CLEAR_REFS,
    GREEN,
    HEIC,
    RED,
    SECRET,
    SEE_THROUGH_HEIC,
    YELLOW,
    exif,
    quarters,
    saved,
    swapped_profile,
)
from tests.parts.once import made_once
from videos.storage.pictures import redraw

ROOT = Path(__file__).parent.parent
REDRAWN = sorted(name for name, case in CASES.items() if case.fate == "redrawn")
REFUSED = sorted(name for name, case in CASES.items() if case.fate == "refused")


def redrawn(data: bytes):
    return redraw(io.BytesIO(data))


def picture_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(redrawn(data).data)).convert("RGB")


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Reading order, a few pixels in from the edge."""
    right, foot = image.width - 6, image.height - 6
    return [image.getpixel(at) for at in ((5, 5), (right, 5), (5, foot), (right, foot))]


def near(colours, wanted, slack=12) -> bool:
    pairs = zip(colours, wanted, strict=True)
    return all(abs(a - b) <= slack for one, other in pairs for a, b in zip(one, other, strict=True))


def parts_of_jpeg(data: bytes) -> set[int]:
    found, at = set(), 2
    while data[at + 1] != 0xDA:
        found.add(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def parts_of_png(data: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        found.add(kind)
        at += 12 + length
    return found


def test_the_corpus_has_at_least_the_promised_size():
    assert len(CASES) >= 60


@pytest.fixture(scope="module")
def outcomes():
    """What came of each picture, and its cost. All are redrawn once, in a process that does nothing else."""
    folder = made_once("redrawn", redraw_all)
    rows = [json.loads(line) for line in (folder / "costs").read_text().splitlines()]
    return {row["name"]: row | {"made": pickle.loads((folder / "made" / row["name"]).read_bytes())} for row in rows}


def redraw_all(folder):
    for name in ("given", "made"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        (folder / "given" / name).write_bytes(case.make())
    command = [sys.executable, "-m", "tests.corpus_pictures", str(folder / "given"), str(folder / "made")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=True)
    (folder / "costs").write_text(run.stdout)


@pytest.mark.parametrize("name", REDRAWN)
def test_an_odd_picture_is_redrawn_clean(name, outcomes):
    result = outcomes[name]["made"]
    assert result, outcomes[name]["refusal"]
    with Image.open(io.BytesIO(result.data)) as image:
        image.load()
        assert image.format == result.format
        assert image.size == (result.width, result.height)
        assert image.mode in ("RGB", "RGBA")
        assert not image.getexif()
        assert not {"icc_profile", "exif", "xmp", "comment", "photoshop"} & set(image.info)
    assert max(image.size) <= 2048
    assert len(result.data) <= 10_000_000
    assert SECRET.encode() not in result.data
    if result.format == "PNG":
        assert parts_of_png(result.data) == {b"IHDR", b"IDAT", b"IEND"}
        assert (result.extension, result.content_type) == (".png", "image/png")
    else:
        assert parts_of_jpeg(result.data) == {0xE0, 0xDB, 0xC0, 0xC4}
        assert (result.extension, result.content_type) == (".jpg", "image/jpeg")


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_picture_is_refused_with_one_sentence(name, outcomes):
    sentence = outcomes[name]["refusal"]
    assert CASES[name].says in sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "!" not in sentence
    assert len(sentence) < 160


@pytest.mark.skipif(not CLEAR_REFS.exists(), reason="needs Linux's /proc to watch memory")
def test_no_picture_costs_more_than_two_seconds_of_cpu_or_256_mb(outcomes):
    assert len(outcomes) == len(CASES)
    assert [outcome for outcome in outcomes.values() if outcome["cpu"] >= 2] == []
    assert [outcome for outcome in outcomes.values() if outcome["bytes"] >= 256 * 2**20] == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(kind, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    laid = quarters().transpose(undo[orientation]) if orientation > 1 else quarters()
    image = picture_of(saved(laid, kind, exif=exif(orientation)))
    assert image.size == (96, 64)
    assert near(corners(image), [RED, GREEN, BLUE, YELLOW], slack=25)


def test_a_heic_is_turned_once():
    image = picture_of(HEIC)
    assert image.size == (32, 64)
    assert near([image.getpixel((16, 5)), image.getpixel((16, 58))], [RED, BLUE])


def test_an_error_of_ours_is_not_reported_as_a_damaged_picture(monkeypatch):
    monkeypatch.delattr(Image.Image, "getexif")  # as if a library had changed
    with pytest.raises(AttributeError):
        redrawn(saved(quarters(), "PNG"))


def test_the_same_upload_gives_the_same_bytes():
    for data in (HEIC, SEE_THROUGH_HEIC, saved(quarters(3000, 2000), "PNG"), saved(quarters(), "JPEG")):
        assert redrawn(data) == redrawn(data)


def test_a_large_picture_keeps_its_shape_and_colours():
    for kind in ("JPEG", "PNG", "WEBP"):
        image = picture_of(saved(quarters(3900, 2600), kind))
        assert image.size == (2048, 1365)
        assert near(corners(image), [RED, GREEN, BLUE, YELLOW])
    image = picture_of(saved(quarters(7000, 5000), "PNG"))
    assert image.size == (2048, 1463)
    assert near(corners(image), [RED, GREEN, BLUE, YELLOW])


def test_a_small_picture_is_not_enlarged():
    assert picture_of(saved(quarters(30, 20), "PNG")).size == (30, 20)


def test_only_a_picture_with_transparent_pixels_stays_a_png():
    solid, clear = quarters().convert("RGBA"), quarters().convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    assert redrawn(saved(solid, "PNG")).format == "JPEG"
    assert redrawn(saved(clear, "PNG")).format == "PNG"


@pytest.mark.parametrize("size", [(96, 64), (3900, 2600), (4800, 3200)])
def test_transparent_edges_do_not_bleed_hidden_colours(size):
    image = Image.new("RGBA", size, (0, 255, 0, 0))
    image.paste((200, 40, 40, 255), (0, 0, size[0] // 2, size[1]))
    result = Image.open(io.BytesIO(redrawn(saved(image, "PNG")).data))
    seen = [result.getpixel((x, result.height // 2)) for x in range(result.width)]
    assert all(green < 60 for _, green, _, alpha in seen if alpha > 30)


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off():
    image = picture_of(CASES["a_grey_png_of_16_bits"].make())
    assert [abs(image.getpixel((x, 1))[0] - x) <= 3 for x in (0, 64, 128, 200, 255)] == [True] * 5


def test_cmyk_keeps_its_colours():
    assert near(corners(picture_of(CASES["a_cmyk_jpeg"].make())), [RED, GREEN, BLUE, YELLOW], slack=25)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_colours_are_brought_to_srgb_by_the_pictures_own_profile(kind):
    image = picture_of(saved(Image.new("RGB", (64, 64), (220, 20, 20)), kind, icc_profile=swapped_profile()))
    red, _, blue = image.getpixel((30, 30))
    assert blue > 150
    assert red < 100


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0.png", "CON", "x.exe", "", "a" * 5000 + ".jpg"])
def test_a_files_name_is_ignored(name):
    file = io.BytesIO(saved(quarters(), "PNG"))
    file.name = name
    assert redraw(file).format == "JPEG"


def test_a_file_read_before_is_read_from_its_start():
    file = io.BytesIO(saved(quarters(), "PNG"))
    file.read()
    assert redraw(file).width == 96
