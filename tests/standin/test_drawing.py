"""The demo server draws real H.264 in the requested ratio, ready to stream, with the frames at its start and end."""

import io

import av
import pytest
from PIL import Image, ImageDraw

from tests.parts.standin import Standin
from tests.standin.conftest import Api
from videos.standin.draw import seconds_for, size_for
from videos.standin.titles import title_layer


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """`drawn(given)`: the bytes of a full video, drawn by this file's own fast demo server."""
    standin = Standin(tmp_path_factory.mktemp("drawing"), options=("--speed", "100"))
    api = Api(standin.url)

    def draw(prompt="A lighthouse over the sea", **given):
        return api.http.get(api.link(prompt, **given)).content

    draw.api = api
    yield draw
    standin.stop()


def frames(data):
    with av.open(io.BytesIO(data)) as file:
        return [frame.to_image() for frame in file.decode(video=0)]


def boxes(data):
    """The names of an MP4's outermost boxes, in order."""
    found, place = [], 0
    while place < len(data):
        found.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4], "big")
    return found


def colour(image):
    """The colour of the picture's middle, away from words and dark corners."""
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1", "2.39:1"])
def test_a_video_is_fast_start_h264_of_the_asked_ratio(drawn, ratio):
    data = drawn(aspect_ratio=ratio, config={"duration": 2})
    with av.open(io.BytesIO(data)) as file:
        video = file.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        wide, high = (float(side) for side in ratio.split(":"))
        assert video.width / video.height == pytest.approx(wide / high, rel=0.01)
        assert file.duration / av.time_base == pytest.approx(2, abs=0.1)
    assert boxes(data).index("moov") < boxes(data).index("mdat")
    assert len(frames(data)) == 48


def test_a_provider_with_sound_has_sound_and_another_has_none(drawn):
    with av.open(io.BytesIO(drawn(provider="veo3", config={"duration": 2}))) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
    with av.open(io.BytesIO(drawn(provider="kling_v2", config={"duration": 2}))) as file:
        assert not file.streams.audio


def test_it_starts_on_the_start_frame_and_ends_on_the_end_frame(drawn, png):
    urls = [drawn.api.upload(png(name)).json()["data"]["url"] for name in ("red", "blue")]
    pictures = frames(drawn(reference_image_url=urls[0], tail_image_url=urls[1], config={"duration": 4}))
    first, middle, last = (colour(pictures[index]) for index in (0, 40, -1))
    assert first[0] > 200 > 60 > first[2]
    assert middle[0] > 200
    assert last[2] > 200 > 60 > last[0]


def test_the_start_frame_comes_slowly_nearer(drawn, png):
    image = Image.open(io.BytesIO(png("white", (960, 540))))
    ImageDraw.Draw(image).rectangle((380, 170, 580, 370), fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    url = drawn.api.upload(file.getvalue()).json()["data"]["url"]
    pictures = frames(drawn(reference_image_url=url, config={"duration": 2}))
    dark = [
        sum(value < 60 for value in picture.convert("L").crop((300, 100, 660, 300)).tobytes()) for picture in pictures
    ]
    assert dark[0] < dark[24] < dark[-1]


def test_two_prompts_look_different_and_so_do_two_providers(drawn):
    short = {"config": {"duration": 2}}
    videos = [drawn("A red fox in snow", **short), drawn("A diner at night", **short)]
    videos.append(drawn("A red fox in snow", provider="sora_v2", **short))
    looks = [frames(video)[0].convert("RGB").resize((16, 9)).tobytes() for video in videos]
    for one, other in ((0, 1), (0, 2)):
        assert sum(abs(a - b) for a, b in zip(looks[one], looks[other], strict=True)) > 2000


@pytest.mark.parametrize("prompt", ["Заварка чая", "海辺の灯台", "منارة على البحر", "🦊" * 40, "x" * 5000, "\n"])
def test_a_prompt_in_any_script_leaves_a_readable_title(prompt):
    layer = title_layer(540, 960, prompt, "VEO 3.1")
    assert layer.size == (540, 960)
    assert layer.getextrema()[3][1] > 150


def test_a_size_is_even_and_keeps_its_ratio_within_reason():
    assert size_for("16:9") == (960, 540)
    assert size_for("9:16") == (540, 960)
    assert size_for("1:1") == (720, 720)
    for ratio in ("21:9", "1:99999", "99999:1", "3:7.5"):
        width, height = size_for(ratio)
        assert width % 2 == height % 2 == 0
        assert 16 <= min(width, height) <= max(width, height) <= 1280


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(8, 8), ("6s", 6), ("4", 4), (None, 5), (99, 12), (-1, 2), ("long", 5), (True, 5), ([], 5)],
)
def test_the_duration_asked_for_is_honoured_within_reason(duration, seconds):
    assert seconds_for({"duration": duration}) == seconds
