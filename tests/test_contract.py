"""Every provider, ratio, frame and config of the contract, compared field by field with the received request."""

from itertools import product

import pytest

from tests.parts.accounts import account
from tests.parts.extent import EVERYTHING
from tests.parts.generations import generate, owner, picture
from videos.engine.submit import submit
from videos.models import Generation, Provider, RemoteAccount

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

# The contract's own table: value, name, description.
PROVIDERS = {
    "veo_3_1": ("VEO 3.1", "Google VEO 3.1 (default, highest quality)"),
    "veo_3_1_fast": ("VEO 3.1 Fast", "Faster VEO 3.1 variant"),
    "veo3": ("VEO 3", "Google VEO 3"),
    "veo3_fast": ("VEO 3 Fast", "Faster VEO 3 variant"),
    "veo2": ("VEO 2", "Google VEO 2"),
    "kling_pro": ("Kling Pro", "Kling Pro model"),
    "kling_v2": ("Kling V2", "Kling V2 model"),
    "sora_v2": ("Sora V2", "OpenAI Sora V2"),
    "sora_v2_pro": ("Sora V2 Pro", "OpenAI Sora V2 Pro"),
    "runway_gen4": ("Runway Gen-4", "Runway Gen-4"),
    "seedance_lite": ("Seedance Lite", "Seedance Lite"),
    "seedance_pro": ("Seedance Pro", "Seedance Pro"),
    "ltx_distilled": ("LTX Distilled", "LTX Distilled (fastest)"),
}
RATIOS = ("16:9", "9:16", "1:1")
START, END = "https://picture.example/start.png", "https://picture.example/end.jpg"
FRAMES = {
    "no frames": {},
    "a start frame": {"start_frame_url": START},
    "both frames": {"start_frame_url": START, "end_frame_url": END},
}
CONFIGS = ({}, {"duration": 8, "seed": 0, "generate_audio": False, "nested": {"list": [1, 2.5, None, "é"]}})
ALL = list(product(RATIOS, FRAMES.items(), CONFIGS))
EACH_ONCE = list(zip(RATIOS, FRAMES.items(), (*CONFIGS, CONFIGS[1]), strict=True))


def expected_body(prompt, provider, ratio, frames, config):
    body = {"prompt": prompt, "provider": provider, "aspect_ratio": ratio}
    if "start_frame_url" in frames:
        body["reference_image_url"] = frames["start_frame_url"]
    if "end_frame_url" in frames:
        body["tail_image_url"] = frames["end_frame_url"]
    if config:
        body["config"] = config
    return {"workflow_type": "GenerateVideoNode", "input": body}


def test_the_contracts_providers_are_all_there_by_value_name_and_description():
    rows = Provider.objects.filter(backend="heygen_workflows").values_list("value", "name", "description")
    assert {value: (name, description) for value, name, description in rows} == PROVIDERS


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_remote_api_receives_exactly_what_was_requested(provider, remote):
    """Every ratio, frame and config with each provider, and with the default one in every combination."""
    account()
    RemoteAccount.objects.update(max_in_flight=1000)
    expected, combinations = {}, ALL if EVERYTHING or provider == "veo_3_1" else EACH_ONCE
    for ratio, (name, frames), config in combinations:
        # The demo server draws no video for a prompt that will fail.
        prompt = f"It fails, “{provider}” {ratio}, {name}, {len(config)} — naïve 東京 🎬\nsecond line"
        generation = generate(prompt, provider, aspect_ratio=ratio, config=config, **frames)
        submit(generation.pk)
        expected[prompt] = expected_body(prompt, provider, ratio, frames, config)
    received = {row["body"]["input"]["prompt"]: row["body"] for row in remote.ledger()}
    assert received == expected
    assert len(remote.requests("submit")) == len(expected) == len(combinations)
    for request in remote.requests("submit"):
        assert (request["method"], request["path"]) == ("POST", "/v1/workflows/executions")
        assert request["headers"]["content-type"] == "application/json"
        assert request["key_sent"]
    assert set(Generation.objects.values_list("status", flat=True)) == {"running"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_uploaded_frames_reach_the_remote_api_as_public_addresses(provider, remote):
    start, end = picture("teal"), picture("orange")
    generation = generate(f"It fails for {provider}", provider, start_frame=start, end_frame=end)
    submit(generation.pk)
    [row] = remote.ledger()
    sizes = {f"{remote.url}/assets/{asset['id']}.png": asset["sha256"] for asset in remote.assets()}
    sent = row["body"]["input"]
    assert sizes[sent["reference_image_url"]] == start.sha256
    assert sizes[sent["tail_image_url"]] == end.sha256


@pytest.mark.parametrize("ratio", ["4:3", "21:9", "2.39:1", "1080:1920"])
def test_any_ratio_can_be_requested(ratio, remote):
    submit(generate("It fails", aspect_ratio=ratio).pk)
    assert remote.ledger()[0]["body"]["input"]["aspect_ratio"] == ratio


def test_veo_3_1_and_sixteen_to_nine_are_the_defaults(remote):
    assert Provider.objects.offered().first().value == "veo_3_1"
    submit(generate("It fails", by=owner()).pk)
    sent = remote.ledger()[0]["body"]["input"]
    assert (sent["provider"], sent["aspect_ratio"]) == ("veo_3_1", "16:9")
