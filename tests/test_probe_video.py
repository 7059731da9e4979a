"""A file counts as a video only if it is a whole, playable MP4; its poster and last frame are the right frames."""

import json
import re
import resource
import struct
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.parts.films import FAST_START, film, hum, patched, scene
from videos.codecs import codec_string
from videos.storage import probe
from videos.storage.probe import NotAVideo, VideoFacts

ROOT = Path(__file__).parent.parent
QUARTER_RIGHT = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
PROBE_AND_WEIGH = """
import resource, sys
from pathlib import Path
from videos.storage import probe
before = resource.getrusage(resource.RUSAGE_SELF)
for path in Path(sys.argv[1]).iterdir():
    for work in (probe.check_video, lambda p: probe.poster(p, p.parent.parent / "out.jpg")):
        try:
            work(path)
        except probe.NotAVideo:
            pass
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss * 1024)
"""


def sound_alone(path) -> Path:
    with av.open(str(path), "w", format="mp4", options=FAST_START) as container:
        hum(container, container.add_stream("aac", rate=48_000, layout="mono"), 2)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(NotAVideo) as error:
        probe.check_video(path)
    sentence = str(error.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    return sentence


@pytest.fixture
def path(tmp_path):
    return tmp_path / "video.mp4"


def test_a_whole_video_is_described(path):
    assert probe.check_video(film(path)) == VideoFacts(320, 180, 2.0, "h264", "avc1.42c00c", 24.0, has_sound=False)


def test_sound_is_noticed_and_may_run_on_after_the_picture(path):
    found = probe.check_video(film(path, sound_seconds=3.5))
    assert found.has_sound
    assert found.seconds == pytest.approx(3.5, abs=0.1)


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov"}, {"movflags": "+faststart"}])
@pytest.mark.parametrize("frames", [1, 2, 30, 300])
def test_every_layout_and_length_of_a_real_video_passes(path, options, frames):
    film(path, frames=frames, gop=25, options=options)
    assert probe.check_video(path).seconds == pytest.approx(frames / 24, abs=0.09)
    probe.poster(path, path.with_name("poster.jpg"))
    probe.last_frame(path, path.with_name("last.jpg"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n<!doctype html><title>Expired</title>", "a web page"),
        (b'{"error": "expired"}', "JSON text"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page"),
        (b"\xff\xd8\xff\xe0" + bytes(5000), "a JPEG picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "a PNG picture"),
        (b"GIF89a" + bytes(5000), "a GIF picture"),
        (b"\x1aE\xdf\xa3" + bytes(5000), "a WebM video"),
        (bytes(100_000), "not an MP4"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "incomplete"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\0mdat" + bytes(100), "incomplete"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x08moov\0\0\0\x08mdat", "contains no video"),
    ],
)
def test_a_file_that_is_not_an_mp4_is_named(path, data, says):
    path.write_bytes(data)
    assert says in refusal(path)


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 50, 75, 90, 97, 99])
@pytest.mark.parametrize("options", [FAST_START, {}])
def test_a_video_cut_anywhere_is_refused(path, percent, options):
    data = film(path, sound_seconds=2, options=options).read_bytes()
    path.write_bytes(data[: len(data) * percent // 100])
    refusal(path)


def test_a_fast_start_video_one_byte_short_is_refused(path):
    path.write_bytes(film(path).read_bytes()[:-1])
    assert "cut short" in refusal(path)


def test_a_video_whose_last_third_is_nuls_is_refused(path):
    """What a download leaves that reserved its space and then broke off."""
    data = film(path).read_bytes()
    kept = len(data) * 2 // 3
    path.write_bytes(data[:kept] + bytes(len(data) - kept))
    assert "near its end" in refusal(path)


def test_a_video_with_a_scratch_in_its_middle_is_kept(path):
    """It was paid for, its length is right, and a browser plays on after a bad frame."""
    data = bytearray(film(path, frames=240, gop=24).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    assert probe.check_video(path).seconds == 10


def test_sound_alone_is_not_a_video(path):
    assert "sound" in refusal(sound_alone(path))


def test_a_cover_picture_does_not_make_sound_a_video(path):
    cover = path.with_name("cover.jpg")
    scene(0, (64, 64)).save(cover)
    with (
        av.open(str(cover)) as picture,
        av.open(str(path), "w", format="mp4", options=FAST_START) as container,
    ):
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        art = container.add_stream_from_template(picture.streams.video[0])
        art.disposition = av.stream.Disposition.attached_pic
        packet = next(picture.demux(video=0))
        packet.stream = art
        container.mux(packet)
        hum(container, sound, 2)
    assert "sound" in refusal(path)


def test_a_video_of_no_length_is_refused(path):
    film(path, frames=1)
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        patched(path, box, 20 if box == b"tkhd" else 16, bytes(4))
    patched(path, b"stts", 12, bytes(4))
    patched(path, b"elst", 8, bytes(4))
    assert "no length" in refusal(path)


def test_a_videos_length_is_counted_in_frames_and_not_believed(path):
    film(path)
    patched(path, b"mvhd", 16, struct.pack(">I", 600_000))
    patched(path, b"mdhd", 16, struct.pack(">I", 600 * 12_288))
    assert probe.check_video(path).seconds == 2


def test_a_video_larger_than_4k_is_refused(path):
    assert "4K" in refusal(film(path, size=(4352, 2448), frames=2))


def test_a_damaged_count_is_not_a_lack_of_memory(path):
    """One byte that was changed on its way: it is downloaded again, and not kept for a studio with more memory."""
    content = bytearray(film(path).read_bytes())
    at = content.index(b"stts") + 8
    content[at] |= 0x10
    path.write_bytes(content)
    with pytest.raises(NotAVideo) as refusal:
        probe.check_video(path)
    assert not isinstance(refusal.value, probe.Unreadable)


def test_hostile_indexes_are_refused_before_they_take_memory(path):
    film(path)
    whole = path.read_bytes()
    for box, offset in ((b"stsz", 4), (b"stsz", 8), (b"elst", 4)):
        path.write_bytes(whole)
        new = struct.pack(">II", 1, 2**31 - 1) if offset == 4 and box == b"stsz" else struct.pack(">I", 2**31 - 1)
        assert "index" in refusal(patched(path, box, offset, new))


def test_no_broken_byte_makes_the_probe_fail_in_another_way(path):
    whole = film(path, frames=24).read_bytes()
    index = whole.index(b"moov")
    for number in range(0, 900, 7):
        data = bytearray(whole)
        data[(index + number) % len(data)] ^= 0xFF
        path.write_bytes(data)
        try:
            probe.check_video(path)
            probe.poster(path, path.with_name("poster.jpg"))
            probe.last_frame(path, path.with_name("last.jpg"))
        except NotAVideo as error:
            assert str(error).endswith(".")


def test_a_missing_file_stays_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        probe.check_video(path)


def test_probing_takes_little_memory_even_if_a_file_asks_for_much(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    film(folder / "4k", size=(3840, 2160), frames=12)
    film(folder / "too-large", size=(4352, 2448), frames=2)
    film(folder / "claims", options={})
    patched(folder / "claims", b"avc1", 24, struct.pack(">HH", 10_000, 10_000))
    patched(folder / "claims", b"tkhd", 76, struct.pack(">II", 10_000 << 16, 10_000 << 16))
    patched(film(folder / "index"), b"stsz", 4, struct.pack(">II", 1, 2**31 - 1))
    run = subprocess.run(
        [sys.executable, "-c", PROBE_AND_WEIGH, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30)),
    )
    cpu, memory = json.loads("[" + run.stdout.replace(" ", ",") + "]")
    assert cpu < 10
    assert memory < 300 * 2**20


@pytest.mark.parametrize(("frames", "shown"), [(240, 12), (48, 5)])
def test_the_poster_is_an_early_frame_no_larger_than_960(path, frames, shown):
    target = path.with_name("poster.jpg")
    probe.poster(film(path, size=(1280, 720), frames=frames), target)
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert image.info.get("progressive")
        assert image.size == (960, 540)
        assert image.getpixel((60, 60))[0] == pytest.approx(40 + 2 * shown, abs=8)
    assert {file.name for file in path.parent.iterdir()} == {"video.mp4", "poster.jpg"}


def test_a_small_video_has_a_poster_of_its_own_size(path):
    target = path.with_name("poster.jpg")
    probe.poster(film(path), target)
    assert Image.open(target).size == (320, 180)


@pytest.mark.parametrize("gop", [1, 10, 250])
def test_the_last_frame_is_the_very_last_one(path, gop):
    target = path.with_name("last.jpg")
    probe.last_frame(film(path, size=(1280, 720), frames=97, gop=gop, sound_seconds=5), target)
    with Image.open(target) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))
        assert image.getpixel((60, 60))[0] == pytest.approx(40 + 2 * 96, abs=3)


def test_a_turned_video_is_described_and_drawn_upright(path):
    patched(film(path), b"tkhd", 40, QUARTER_RIGHT)
    assert (probe.check_video(path).width, probe.check_video(path).height) == (180, 320)
    target = path.with_name("poster.jpg")
    probe.poster(path, target)
    with Image.open(target) as image:
        assert image.size == (180, 320)
        # A quarter to the right: the red corner goes to the top right, the green upper half to the right.
        red, green, blue = (image.getpixel(at) for at in ((160, 20), (160, 280), (20, 160)))
    assert max(red) == red[0]
    assert max(green) == green[1]
    assert max(blue) == blue[2]


# (a, b, c, d) of the track's matrix, and where the red corner of `scene` then is.
TURNS = {
    "upright": ((1, 0, 0, 1), "top left"),
    "a_quarter_right": ((0, 1, -1, 0), "top right"),
    "upside_down": ((-1, 0, 0, -1), "bottom right"),
    "a_quarter_left": ((0, -1, 1, 0), "bottom left"),
    "mirrored": ((-1, 0, 0, 1), "top right"),
    "mirrored_upside_down": ((1, 0, 0, -1), "bottom left"),
    "mirrored_and_a_quarter_left": ((0, 1, 1, 0), "top left"),
    "mirrored_and_a_quarter_right": ((0, -1, -1, 0), "bottom right"),
}


@pytest.mark.parametrize("name", TURNS)
def test_a_video_is_turned_and_mirrored_as_its_matrix_says(path, name):
    (a, b, c, d), red_corner = TURNS[name]
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 0x40000000)
    patched(film(path), b"tkhd", 40, matrix)
    size = (180, 320) if b else (320, 180)
    found = probe.check_video(path)
    assert (found.width, found.height) == size
    for draw in (probe.poster, probe.last_frame):
        draw(path, path.with_name("picture.jpg"))
        with Image.open(path.with_name("picture.jpg")) as image:
            assert image.size == size
            assert corner_that_is_red(image) == red_corner


def corner_that_is_red(image):
    right, foot = image.width - 10, image.height - 10
    corners = {"top left": (9, 9), "top right": (right, 9), "bottom left": (9, foot), "bottom right": (right, foot)}
    return max(corners, key=lambda name: image.getpixel(corners[name])[0] - sum(image.getpixel(corners[name])[1:]))


@pytest.mark.parametrize(
    ("pixels", "size"), [((16, 9), (569, 180)), ((9, 16), (320, 320)), ((1, 1), (320, 180)), ((4000, 1), (320, 180))]
)
def test_pixels_that_are_not_square_are_stretched_as_in_a_browser(path, pixels, size):
    """One side is stretched and none shrunk; a shape that no screen could show is not believed."""
    film(path, pixels=pixels)
    found = probe.check_video(path)
    assert (found.width, found.height) == size
    for draw in (probe.poster, probe.last_frame):
        draw(path, path.with_name("picture.jpg"))
        assert Image.open(path.with_name("picture.jpg")).size == size


def test_stretched_pixels_of_a_turned_video_are_turned_with_it(path):
    patched(film(path, pixels=(2, 1)), b"tkhd", 40, QUARTER_RIGHT)
    assert (probe.check_video(path).width, probe.check_video(path).height) == (180, 640)
    probe.last_frame(path, path.with_name("last.jpg"))
    assert Image.open(path.with_name("last.jpg")).size == (180, 640)


@pytest.mark.parametrize(
    ("encoder", "kind", "codec", "says"),
    [
        ("libx264", "mp4", "h264", r"avc1\.[0-9a-f]{6}"),
        ("libx265", "mp4", "hevc", r"(hev1|hvc1)\.1\.6\.L\d+(\.[0-9A-F]+)*"),
        ("libsvtav1", "mp4", "av1", r"av01\.0\.\d\dM\.08"),
        ("libvpx-vp9", "mp4", "vp9", r"vp09\.00\.10\.08"),
        ("mpeg4", "mp4", "mpeg4", r"mp4v\.20\.9"),
        ("prores_ks", "mov", "prores", r"ap[a-z0-9]{2}"),
    ],
)
def test_a_codec_is_named_and_not_its_decoder(path, encoder, kind, codec, says):
    found = probe.check_video(film(path, frames=12, encoder=encoder, kind=kind))
    assert found.codec == codec
    assert re.fullmatch(says, found.codec_string)


@pytest.mark.parametrize(
    ("codec", "tag", "record", "says"),
    [
        ("h264", "avc1", "01640028ffe1", "avc1.640028"),
        ("h264", "avc1", "", "avc1"),
        ("hevc", "hev1", "0101600000009000000000003ff000fcfdf8f800", "hev1.1.6.L63.90"),
        ("hevc", "hvc1", "012220000000b000000000009900", "hvc1.2.4.H153.B0"),
        ("hevc", "hvc1", "01", "hvc1.1.6.L93.B0"),
        ("av1", "av01", "81010c00", "av01.0.01M.08"),
        ("av1", "av01", "8149c000", "av01.2.09H.10"),
        ("prores", "apch", "", "apch"),
        ("mpeg4", "mp4v", "", "mp4v.20.9"),
        ("strange", "\0\0\0\0", "", ""),
    ],
)
def test_a_codec_string_is_that_of_rfc_6381(codec, tag, record, says):
    assert codec_string(codec, tag, bytes.fromhex(record)) == says


def test_an_error_of_our_own_is_not_reported_as_a_damaged_video(path, monkeypatch):
    """ValueError is what a wrong argument of ours raises: the bytes would be downloaded again for ever."""

    def refuse(*arguments, **options):
        raise ValueError("interpolation")

    monkeypatch.setattr(probe, "_picture", refuse)
    with pytest.raises(ValueError, match="interpolation"):
        probe.poster(film(path), path.with_name("poster.jpg"))


def test_a_poster_that_cannot_be_made_leaves_nothing_behind(path):
    path.write_bytes(b"<html>")
    with pytest.raises(NotAVideo):
        probe.poster(path, path.with_name("poster.jpg"))
    assert [file.name for file in path.parent.iterdir()] == ["video.mp4"]
