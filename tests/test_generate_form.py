"""The Generate form: accepted requests, the error of each refused one, and that nothing typed is lost."""

import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.html import escape
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.parts.clicks import click_generate
from tests.parts.extent import EVERYTHING
from tests.parts.generations import make_ready
from tests.parts.people import make_member, make_owner, signed_in
from videos.forms.settings_json import SettingsRefused, read_config
from videos.models import Batch, Budget, Generation, Picture, Provider

pytestmark = pytest.mark.django_db
TOKEN = "a-form-token-0123456789"
TEXT_FIELDS = [
    "prompt",
    "provider",
    "aspect_ratio",
    "reference_image_url",
    "tail_image_url",
    "config",
    "count",
    "token",
]
TEXT_FIELDS += ["start_picture", "start_from", "end_picture", "end_from", "also"]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


def generate(client, headers=None, **fields):
    return click_generate(client, headers, **{"token": TOKEN, **fields})


def png(colour="teal", size=(64, 36)):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return SimpleUploadedFile("frame.png", data.getvalue(), "image/png")


def typed_back(reply):
    """The contents of the prompt field, without the leading newline that HTML drops."""
    found = re.search(r"<textarea[^>]*name=\"prompt\"[^>]*>\n(.*?)</textarea>", reply.content.decode(), re.S)
    return found[1]


def test_a_prompt_alone_is_sent_to_the_contracts_default_provider_in_the_default_ratio(client):
    reply = generate(client)
    generation = Generation.objects.get()
    assert (generation.provider.value, generation.aspect_ratio, generation.config) == ("veo_3_1", "16:9", {})
    assert reply.status_code == 302
    assert reply["Location"] == f"/#g-{generation.public_id}"


def test_everything_that_was_chosen_is_kept_as_it_was_typed(client):
    generate(
        client,
        prompt="  two lines\nof “words” ",
        provider="kling_pro",
        aspect_ratio="9:16",
        reference_image_url="https://example.com/a.jpg?x=1&y=2",
        tail_image_url="http://example.com/b.png",
        config='{"duration": 10, "seed": 7}',
    )
    generation = Generation.objects.get()
    assert generation.prompt == "  two lines\nof “words” "
    assert generation.provider.value == "kling_pro"
    assert generation.aspect_ratio == "9:16"
    assert generation.start_frame_url == "https://example.com/a.jpg?x=1&y=2"
    assert generation.end_frame_url == "http://example.com/b.png"
    assert generation.config == {"duration": 10, "seed": 7}


def test_count_and_other_providers_make_one_batch_of_all(client):
    generate(client, count="2", also=["kling_pro", "ltx_distilled", "veo_3_1"])
    made = Generation.objects.values_list("provider__value", flat=True)
    assert sorted(made) == ["kling_pro", "kling_pro", "ltx_distilled", "ltx_distilled", "veo_3_1", "veo_3_1"]
    assert Batch.objects.count() == 1


def test_the_same_form_sent_twice_makes_one_video(client):
    generate(client)
    generate(client)
    assert Generation.objects.count() == 1


def test_a_token_of_somebody_elses_page_is_refused(client):
    generate(signed_in(make_owner()))
    reply = generate(client)
    assert reply.status_code == 422
    assert "Reload it and press Generate again" in reply.content.decode()


@pytest.mark.parametrize(
    ("text", "kept"), [("4:5", "4:5"), (" 21 x 9 ", "21:9"), ("1920×1080", "1920:1080"), ("", "16:9")]
)
def test_any_sensible_ratio_is_accepted(client, text, kept):
    generate(client, aspect_ratio=text)
    assert Generation.objects.get().aspect_ratio == kept


BAD = [
    ({"prompt": ""}, "Enter a prompt."),
    ({"prompt": " \n\t "}, "Enter a prompt."),
    ({"prompt": None}, "Enter a prompt."),
    ({"prompt": "x" * 10_001}, "keep it within 10,000"),
    ({"prompt": "nul \0 inside"}, "a character that cannot be stored"),
    ({"provider": "sora_v9"}, "There is no provider called “sora_v9”"),
    ({"provider": "<script>"}, "There is no provider called “<script>”"),
    ({"provider": "veo_3_1\0"}, "a character that cannot be stored"),
    ({"also": ["nobody"]}, "There is no provider called “nobody”"),
    ({"also": ["kling_pro", "kling_v2", "sora_v2", "veo2"]}, "You can choose up to 4 models."),
    ({"aspect_ratio": "wide"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "16:"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "-16:9"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "1.5:1"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "16:9:1"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "١٦:٩"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "999999:1"}, "Write the ratio as width:height"),
    ({"aspect_ratio": "0:9"}, "One side can be at most ten times the other"),
    ({"aspect_ratio": "0:0"}, "One side can be at most ten times the other"),
    ({"aspect_ratio": "11:1"}, "One side can be at most ten times the other"),
    ({"reference_image_url": "picture.jpg"}, "full address"),
    ({"reference_image_url": "ftp://example.com/a.jpg"}, "full address"),
    ({"reference_image_url": "javascript:alert(1)"}, "full address"),
    ({"reference_image_url": "data:image/png;base64,AAAA"}, "full address"),
    ({"reference_image_url": "file:///etc/passwd"}, "full address"),
    ({"reference_image_url": "//example.com/a.jpg"}, "full address"),
    ({"reference_image_url": "http://"}, "full address"),
    ({"reference_image_url": "http://[::1/a.jpg"}, "full address"),
    ({"reference_image_url": "http://example.com:99999/a.jpg"}, "full address"),
    ({"reference_image_url": "https://example.com/a b.jpg"}, "full address"),
    ({"reference_image_url": "https://example.com/a\r\nX-Header: 1"}, "full address"),
    ({"reference_image_url": "https://example.com/\0"}, "a character that cannot be stored"),
    ({"reference_image_url": "https://me:secret@example.com/a.jpg"}, "contains a password"),
    ({"tail_image_url": "https://example.com/" + "a" * 2000}, "longer than 2,000"),
    ({"tail_image_url": "nowhere"}, "full address"),
    ({"start_picture": "not-a-uuid"}, "no longer here"),
    ({"start_picture": "6f1d0f0e-0000-4000-8000-000000000000"}, "no longer here"),
    ({"end_from": "6f1d0f0e-0000-4000-8000-000000000000"}, "no longer here"),
    ({"end_from": "'; drop table"}, "no longer here"),
    ({"config": "{"}, "not valid JSON"),
    ({"config": "duration: 8"}, "not valid JSON"),
    ({"config": "{'duration': 8}"}, "not valid JSON"),
    ({"config": '{"a": 1,}'}, "not valid JSON"),
    ({"config": "[]"}, "must be one JSON object"),
    ({"config": "8"}, "must be one JSON object"),
    ({"config": "null"}, "must be one JSON object"),
    ({"config": '"text"'}, "must be one JSON object"),
    ({"config": '{"a": NaN}'}, "not a number in JSON"),
    ({"config": '{"a": -Infinity}'}, "not a number in JSON"),
    ({"config": '{"a": 1e999}'}, "number that is too large"),
    ({"config": '{"a": ' + "9" * 5000 + "}"}, "number that is too large"),
    ({"config": '{"a": 9007199254740993}'}, "number that is too large"),
    ({"config": '{"a": 1, "a": 2}'}, "appears twice"),
    ({"config": '{"a": "\\u0000"}'}, "character that cannot be stored"),
    ({"config": '{"\\ud800": 1}'}, "character that cannot be stored"),
    ({"config": '{"a": ' * 40 + "1" + "}" * 40}, "nested too deeply"),
    ({"config": "[" * 5000 + "]" * 5000}, "nested too deeply"),
    ({"config": '{"a": "' + "x" * 10_000 + '"}'}, "longer than 10,000"),
    ({"config": '{"a": "\0"}'}, "a character that cannot be stored"),
    ({"count": "0"}, "Ask for 1 to 8 videos at once"),
    ({"count": "9"}, "Ask for 1 to 8 videos at once"),
    ({"count": "-1"}, "Ask for 1 to 8 videos at once"),
    ({"count": "two"}, "Ask for 1 to 8 videos at once"),
    ({"count": "1.5"}, "Ask for 1 to 8 videos at once"),
    ({"count": "²"}, "Ask for 1 to 8 videos at once"),
    ({"count": "9" * 5000}, "Ask for 1 to 8 videos at once"),
    ({"token": None}, "Reload it and press Generate again"),
    ({"token": ""}, "Reload it and press Generate again"),
    ({"token": "short"}, "Reload it and press Generate again"),
    ({"token": "x" * 65}, "Reload it and press Generate again"),
    ({"token": "spaces in a form token"}, "Reload it and press Generate again"),
    ({"token": "nul\0nul\0nul\0nul\0nul"}, "a character that cannot be stored"),
]


@pytest.mark.parametrize("way", ["without scripts", "htmx"])
@pytest.mark.parametrize(("fields", "sentence"), BAD)
def test_a_bad_input_gets_one_sentence_and_makes_nothing(client, fields, sentence, way):
    reply = generate(client, HTMX if way == "htmx" else None, **fields)
    assert reply.status_code == 422
    assert reply.content.decode().count(escape(sentence)) >= 1
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    "prompt", ["<b>bold</b> & “quotes”", "\nfirst line empty", "  spaces  ", "emoji 🎬\n\n</textarea>"]
)
def test_what_was_typed_comes_back_to_the_byte(client, prompt):
    reply = generate(client, prompt=prompt, config='{"a": ', aspect_ratio="wide")
    assert typed_back(reply) == escape(prompt)
    assert escape('{"a": ') in reply.content.decode()
    assert 'value="wide"' in reply.content.decode()


def test_an_accepted_picture_is_kept_when_another_field_is_refused(client, member):
    reply = generate(client, reference_image=png(), config="{")
    picture = Picture.objects.get(owner=member)
    assert reply.status_code == 422
    chosen = rf'name="start_picture"\s+value="{picture.public_id}"\s+checked'
    assert re.search(chosen, reply.content.decode())
    generate(client, start_picture=str(picture.public_id))
    assert Generation.objects.get().start_frame == picture


def test_a_file_that_is_not_a_picture_is_refused_next_to_its_slot(client):
    reply = generate(client, tail_image=SimpleUploadedFile("a.png", b"<html>", "image/png"))
    assert reply.status_code == 422
    assert re.search(r'id="slot-error-end"[^>]*>[^<]+<', reply.content.decode())


def test_an_empty_file_is_refused_with_a_sentence(client):
    reply = generate(client, reference_image=SimpleUploadedFile("a.png", b"", "image/png"))
    assert "That file is empty" in reply.content.decode()


def test_a_file_and_an_address_for_one_frame_are_not_both_accepted(client):
    reply = generate(client, reference_image=png(), reference_image_url="https://example.com/a.jpg")
    assert "a file or an address, not both" in reply.content.decode()


def test_a_saved_videos_last_frame_becomes_a_picture_of_ones_own(client, member):
    generation = make_ready(member)
    generation.saved_video.last_frame.storage.delete(generation.saved_video.last_frame.name)
    generation.saved_video.last_frame.save("last.png", png("navy"))
    generate(client, start_from=str(generation.public_id), token="another-form-token-1")
    assert Generation.objects.newest_first().first().start_frame == Picture.objects.get(owner=member)


def test_pictures_and_videos_of_others_cannot_be_used(client):
    other = make_owner()
    generate(signed_in(other), reference_image=png(), token="of-the-other-0123456789")
    picture, video = Picture.objects.get(owner=other), Generation.objects.get(owner=other)
    for fields in ({"start_picture": str(picture.public_id)}, {"start_from": str(video.public_id)}):
        assert "no longer here" in generate(client, **fields).content.decode()


def test_a_paused_provider_is_refused_with_its_alternative(client):
    Provider.objects.filter(value="sora_v2").update(state="paused")
    reply = generate(client, provider="sora_v2")
    assert "Sora V2 is paused" in reply.content.decode()
    assert "Try VEO 3.1 instead." in reply.content.decode()


def test_a_retired_provider_is_advice_and_may_still_be_tried(client):
    Provider.objects.filter(value="veo2").update(state="retired")
    assert generate(client, provider="veo2").status_code == 302


def test_over_the_budget_it_says_so_and_keeps_what_was_typed(client):
    Budget.objects.create(scope="studio", videos_per_day=1)
    reply = generate(client, prompt="three of these", count="3")
    assert reply.status_code == 422
    assert "This would go over the budget" in reply.content.decode()
    assert typed_back(reply) == "three of these"
    assert not Generation.objects.exists()


def test_with_htmx_the_new_stack_comes_back_with_a_new_token(client):
    reply = generate(client, HTMX, count="2")
    body = reply.content.decode()
    assert body.count("<article") == 1
    assert "<b>0 of 2</b>" in body
    assert TOKEN not in body
    assert 'id="token"' in body
    assert reply["HX-Trigger-After-Swap"] == "batch-made"


def test_after_generate_in_a_filtered_gallery_the_whole_gallery_comes_back(client):
    reply = generate(client, HTMX | {"HX-Current-URL": "http://testserver/?state=favourite"})
    assert (reply["HX-Retarget"], reply["HX-Push-Url"]) == ("#gallery", "/")
    assert reply.content.decode().count("<article") == 1


def test_too_many_fields_and_broken_multipart_are_not_server_errors(client):
    assert generate(client, **{f"field{n}": "x" for n in range(700)}).status_code == 400
    broken = client.post("/generate", data=b"no boundary here", content_type="multipart/form-data")
    assert broken.status_code == 400
    cut = client.post("/generate", data=b"--b\r\nContent-Dis", content_type="multipart/form-data; boundary=b")
    assert cut.status_code in {400, 422}
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"provider": "runway_gen4"}, "Runway Gen-4 needs a start frame."),
        (
            {"provider": "kling_pro", "aspect_ratio": "4:5"},
            "Kling Pro supports 16:9, 9:16 and 1:1; 4:5 may be changed.",
        ),
        ({"provider": "runway_gen4", "prompt": "x" * 1001}, "takes 1,000 characters; this prompt has 1,001"),
        ({"provider": "veo3", "tail_image_url": "https://example.com/a.jpg"}, "VEO 3 takes no end frame"),
        ({"provider": "sora_v2"}, "OpenAI shut this model down in September 2026. Try VEO 3.1 instead."),
    ],
)
def test_advice_warns_and_never_blocks(client, fields, sentence):
    assert sentence in client.post("/compose/advice", fields).content.decode()
    assert generate(client, **fields).status_code == 302


def test_the_estimate_counts_every_video_of_the_batch(client):
    Provider.objects.filter(value__in=["veo_3_1", "kling_pro"]).update(price="0.50")
    body = client.post("/compose/advice", {"also": ["kling_pro"], "count": "3"}).content.decode()
    assert "6 videos" in body
    assert "$3.00" in body


def test_a_form_that_was_never_sent_does_not_mention_a_pause(client):
    reply = client.post("/compose/advice", {"prompt": "words", "config": "{"})
    assert reply.status_code == 200
    assert "not valid JSON" in reply.content.decode()
    assert not Generation.objects.exists()


def test_a_frame_is_kept_as_soon_as_it_is_chosen(client, member):
    reply = client.post("/frame/end", {"tail_image": png()})
    assert f"/pictures/{Picture.objects.get(owner=member).public_id}" in reply.content.decode()
    refused = client.post("/frame/end", {"tail_image": SimpleUploadedFile("a.png", b"GIF89a")})
    assert refused.status_code == 422


def test_reuse_fills_the_whole_composer(client):
    generate(
        client, prompt="once more", provider="kling_v2", aspect_ratio="1:1", config='{"seed": 7}', reference_image=png()
    )
    generation = Generation.objects.get()
    body = client.get(f"/compose?reuse={generation.public_id}").content.decode()
    assert "once more" in body
    assert re.search(r'value="kling_v2"\s+checked', body)
    assert "&quot;seed&quot;: 7" in body
    assert re.search(rf'value="{generation.start_frame.public_id}"\s+checked', body)


@settings(max_examples=300 if EVERYTHING else 100, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=8), st.recursive(st.integers(-9, 9) | st.booleans() | st.none(), st.lists, max_leaves=5)
    )
)
def test_settings_are_either_read_exactly_or_refused(value):
    try:
        assert read_config(json.dumps(value)) == value
    except SettingsRefused as refusal:
        assert str(refusal).endswith(".")


def test_several_ticked_models_make_a_video_each(client):
    generate(client, provider=["kling_pro", "veo_3_1"], picker="1", count="2")
    values = list(Generation.objects.order_by("pk").values_list("provider__value", flat=True))
    assert values == ["kling_pro", "kling_pro", "veo_3_1", "veo_3_1"]


def test_the_list_with_nothing_ticked_generates_nothing(client):
    reply = generate(client, picker="1")
    assert reply.status_code == 422
    assert "Choose a model." in reply.content.decode()
    assert not Generation.objects.exists()


def test_a_list_that_was_loaded_before_a_model_was_retired_sends_nothing_to_it(client):
    reply = generate(client, provider="veo3", picker="1")
    assert reply.status_code == 422
    sentence = "VEO 3 is no longer offered: Google ended this model in June 2026. Try VEO 3.1 instead."
    assert sentence in reply.content.decode()
    assert not Generation.objects.exists()


def test_the_models_that_their_makers_have_ended_are_folded_and_cannot_be_ticked(client):
    page = client.get("/").content.decode()
    assert "Retired by their makers (5)" in page
    for value in ("veo3", "veo3_fast", "veo2", "sora_v2", "sora_v2_pro"):
        assert re.search(rf'value="{value}"\s+disabled\s*>', page)
    assert re.search(r'value="veo_3_1"\s+checked\s*>', page)


def test_the_first_model_that_is_offered_is_ticked_when_the_usual_one_is_paused(client):
    Provider.objects.filter(value="veo_3_1").update(state="paused", note="Out of quota.")
    page = client.get("/").content.decode()
    assert re.search(r'value="veo_3_1_fast"\s+checked\s*>', page)
    assert re.search(r'value="veo_3_1"\s+disabled\s*>', page)
