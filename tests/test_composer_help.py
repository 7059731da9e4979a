"""Help while composing: words by a tap, presets, any frame of a saved video, the same in another ratio."""

import io

import pytest
from PIL import Image

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.forms.advice import Plan
from videos.forms.prompt_words import WORDS
from videos.models import Picture, Preset, Provider
from videos.storage.frames import open_frame
from videos.storage.probe import NotAVideo

pytestmark = pytest.mark.django_db
COMPOSED = {
    "prompt": "A fox",
    "provider": ["kling_pro", "veo_3_1"],
    "aspect_ratio": "9:16",
    "config": '{"duration": 5}',
}


@pytest.fixture
def client(owner):
    return signed_in(owner)


def keep(client, name="Tall", **more):
    return client.post("/presets", COMPOSED | {"preset_name": name} | more)


def form_of(reply):
    assert reply.status_code == 200
    return reply.context["form"]


def use(client, preset, **composed):
    return form_of(client.post(f"/presets/{preset.public_id}/use", composed))


def test_words_are_offered_by_kind_and_none_is_in_a_new_prompt(client):
    page = client.get("/compose/words").content.decode()
    for kind, words in WORDS.items():
        assert f">{kind}<" in page
        assert all(f'data-word="{word}"' in page for word in words)
    assert form_of(client.get("/compose")).value("prompt") == ""


def test_variables_are_sent_as_written_which_the_composer_says_before_it_costs_anything(client):
    page = client.post("/compose/advice", {"prompt": "{city} at {time}, {city}", "provider": "veo_3_1"})
    sentence = "{city} and {time} would be sent as written. The page Many at once fills in variables."
    assert page.content.decode().count(sentence) == 1
    plain = client.post("/compose/advice", {"prompt": 'A sign with {} and {"a": 1}', "provider": "veo_3_1"})
    assert "as written" not in plain.content.decode()


def test_a_preset_keeps_models_ratio_and_settings_and_words_only_if_asked(client, owner):
    keep(client)
    keep(client, "With words", with_prompt="1", prompt="35mm film, calm")
    tall, worded = Preset.objects.get(name="Tall"), Preset.objects.get(name="With words")
    form = use(client, tall, prompt="A bear")
    assert sorted(form.chosen_providers()) == ["kling_pro", "veo_3_1"]
    assert (form.value("prompt"), form.value("aspect_ratio"), form.value("config")) == (
        "A bear",
        "9:16",
        '{"duration": 5}',
    )
    assert use(client, worded, prompt="A bear").value("prompt") == "A bear, 35mm film, calm"
    assert use(client, worded, prompt="A bear, 35mm film, calm").value("prompt") == "A bear, 35mm film, calm"
    assert use(client, worded).value("prompt") == "35mm film, calm"


def test_frames_stay_when_a_preset_is_used(client, owner):
    [video] = make(owner)
    keep(client)
    form = use(client, Preset.objects.get(), start_from=str(video.public_id), tail_image_url="https://e.example/a.jpg")
    assert form.value("start_from") == str(video.public_id)
    assert form.value("tail_image_url") == "https://e.example/a.jpg"


def test_the_same_name_replaces_and_a_paused_model_is_left_out(client):
    keep(client)
    keep(client, aspect_ratio="1:1")
    preset = Preset.objects.get()
    Provider.objects.filter(value="kling_pro").pause()
    form = use(client, preset)
    assert (form.value("aspect_ratio"), form.chosen_providers()) == ("1:1", ["veo_3_1"])


def test_a_preset_is_ones_own_until_it_is_shared_and_only_its_owner_removes_it(client, owner):
    keep(client)
    preset = Preset.objects.get()
    other = signed_in(make_member())
    assert other.post(f"/presets/{preset.public_id}/use").status_code == 404
    assert "Tall" not in other.get("/presets").content.decode()
    keep(client, preset_shared="1")
    assert "Tall" in other.get("/presets").content.decode()
    assert use(other, preset).value("aspect_ratio") == "9:16"
    assert other.post(f"/presets/{preset.public_id}/remove").status_code == 404
    assert client.post(f"/presets/{preset.public_id}/remove").status_code == 200
    assert not Preset.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"preset_name": " "}, {"preset_name": "x" * 61}, {"config": "{"}, {"aspect_ratio": ""}, {"prompt": "\0"}]
)
def test_an_invalid_preset_gets_an_error_and_is_not_saved(client, wrong):
    assert client.post("/presets", COMPOSED | {"preset_name": "Tall"} | wrong).status_code == 422
    assert not Preset.objects.exists()


def test_any_frame_of_a_saved_video_becomes_a_start_or_end_frame(client, owner):
    [video] = make(owner, draft=False, config={"duration": 2})
    for which, at in (("start", "0.5"), ("end", "1.25")):
        reply = client.post(f"/frame/{which}", {f"{which}_from": str(video.public_id), "at": at})
        assert reply.status_code == 200
        assert "is-filled" in reply.content.decode()
    first, second = Picture.objects.order_by("pk")
    assert first.sha256 != second.sha256
    assert (first.width, first.height) == (video.saved_video.width, video.saved_video.height)


def test_the_frame_is_the_one_that_a_player_shows_there(owner):
    [video] = make(owner, draft=False, config={"duration": 2})
    pictures = []
    for at in (0.0, 0.01, 1.0, 60.0, None):
        with open_frame(video.saved_video, at) as file:
            pictures.append(Image.open(io.BytesIO(file.read())).convert("RGB").tobytes())
    assert pictures[0] == pictures[1] != pictures[2]
    assert pictures[3] == pictures[4]  # behind the end: the last


def test_a_frame_of_an_invalid_video_is_refused_with_a_sentence(client, owner):
    [video] = make(owner)
    with video.saved_video.file.storage.open(video.saved_video.file.name, "wb") as file:
        file.write(b"nothing that decodes")
    with pytest.raises(NotAVideo), open_frame(video.saved_video, 1.0):
        pass
    reply = client.post("/frame/start", {"start_from": str(video.public_id), "at": "1"})
    assert reply.status_code == 422
    assert "That frame cannot be read" in reply.content.decode()


@pytest.mark.parametrize("at", ["", "-1", "nan", "1e9", "x"])
def test_an_invalid_moment_means_the_last_frame(client, owner, at):
    [video] = make(owner)
    assert client.post("/frame/start", {"start_from": str(video.public_id), "at": at}).status_code == 200


def test_the_same_video_in_another_ratio(client, owner):
    [video] = make(owner, "A fox", ratio="16:9", config={"seed": 3})
    form = form_of(client.get(f"/compose?tall={video.public_id}"))
    assert (form.value("prompt"), form.value("aspect_ratio"), form.chosen_providers()) == ("A fox", "9:16", ["veo_3_1"])
    assert "The same in 9:16" in client.get(f"/g/{video.public_id}").content.decode()
    [tall] = make(owner, ratio="9:16")
    assert "The same in 16:9" in client.get(f"/g/{tall.public_id}").content.decode()


def test_a_setting_that_a_chosen_model_does_not_have_is_reported():
    provider = Provider(name="Kling Pro", config_keys=[{"key": "duration", "type": "integer"}])
    unknown = Provider(name="New", config_keys=[])
    plan = Plan(providers=[provider, unknown], aspect_ratio="16:9", config={"duration": 5, "sound": True})
    assert plan.warnings() == ["Kling Pro has no setting “sound”; it may be ignored."]
