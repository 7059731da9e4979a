import pytest

PROVIDERS = [
    "veo_3_1",
    "veo_3_1_fast",
    "veo3",
    "veo3_fast",
    "veo2",
    "kling_pro",
    "kling_v2",
    "sora_v2",
    "sora_v2_pro",
    "runway_gen4",
    "seedance_lite",
    "seedance_pro",
    "ltx_distilled",
]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"prompt": ""}, "input.prompt"),
        ({"prompt": "  "}, "input.prompt"),
        ({"prompt": 7}, "input.prompt"),
        ({"prompt": "A fox", "provider": "veo_9"}, "input.provider"),
        ({"prompt": "A fox", "provider": ["veo3"]}, "input.provider"),
        ({"prompt": "A fox", "aspect_ratio": "wide"}, "input.aspect_ratio"),
        ({"prompt": "A fox", "aspect_ratio": "16:0"}, "input.aspect_ratio"),
        ({"prompt": "A fox", "aspect_ratio": 1.5}, "input.aspect_ratio"),
        ({"prompt": "A fox", "config": "none"}, "input.config"),
        ({"prompt": "A fox", "config": []}, "input.config"),
        ({"prompt": "A fox", "tail_image_url": 5}, "input.tail_image_url"),
    ],
)
def test_what_the_contract_does_not_allow_is_a_400_that_names_the_field(standin, api, given, param):
    reply = api.http.post("/v1/workflows/executions", json={"workflow_type": "GenerateVideoNode", "input": given})
    assert reply.status_code == 400
    assert (reply.json()["error"]["code"], reply.json()["error"]["param"]) == ("invalid_parameter", param)
    assert standin.ledger() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"workflow_type": "Other", "input": {"prompt": "A fox"}}'])
def test_a_body_that_is_not_a_submission_is_a_400(standin, api, body):
    assert api.http.post("/v1/workflows/executions", content=body).status_code == 400
    assert standin.ledger() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_of_the_contract_is_accepted(standin, api, provider):
    api.submitted(provider=provider)
    assert standin.ledger()[0]["input"]["provider"] == provider


def test_a_missing_or_empty_key_is_a_401_and_costs_nothing(standin, api):
    for headers in ({}, {"X-Api-Key": ""}):
        api.http.headers.pop("X-Api-Key", None)
        reply = api.http.get("/v3/users/me", headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "unauthorized")
        assert api.submit().status_code == 401
    assert standin.ledger() == []


def test_started_with_a_key_it_takes_no_other(start_standin):
    api = start_standin("--draft", "--key", "right").api
    assert api.http.get("/v3/users/me").status_code == 401
    account = api.http.get("/v3/users/me", headers={"X-Api-Key": "right"}).json()["data"]
    assert account["billing_type"] == "wallet"


def test_a_prompt_against_the_policy_is_refused_at_once(standin, api):
    reply = api.submit("A scene of violence")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "content_policy_violation")
    assert standin.ledger() == []


def test_a_prompt_with_the_failing_word_is_accepted_and_fails(standin, api):
    data = api.ended(api.submitted("An engine that fails"))
    assert data["status"] == "failed"
    assert data["error"]["message"]
    assert len(standin.ledger()) == 1


def test_an_execution_passes_through_its_states_in_order(start_standin):
    standin = start_standin("--draft", "--speed", "0.001")  # it takes hours, unless its clock is moved
    execution_id = standin.api.submitted(provider="ltx_distilled")
    assert standin.api.state(execution_id)["status"] == "submitted"
    standin.advance(1500)
    assert standin.api.state(execution_id)["status"] == "processing"
    standin.finish()
    assert standin.api.ended(execution_id)["status"] == "completed"


def test_more_at_once_than_the_account_allows_is_a_429(start_standin):
    standin = start_standin("--draft", "--capacity", "1")
    standin.api.submitted()
    reply = standin.api.submit()
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) > 0
    assert len(standin.ledger()) == 1


def test_a_frame_that_cannot_be_fetched_is_refused_before_it_costs_anything(standin, api):
    for url in (
        "http://127.0.0.1:9/none.png",
        f"{standin.url}/assets/none.png",
        "http://10.0.0.1/a.png",
        "file:///etc/hosts",
    ):
        reply = api.submit(reference_image_url=url)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "download_failed"), url
        assert reply.json()["error"]["param"] == "input.reference_image_url"
    assert standin.ledger() == []


def test_an_uploaded_picture_is_public_and_serves_as_a_frame(standin, api, png):
    picture = png("teal")
    asset = api.upload(picture).json()["data"]
    assert asset["mime_type"] == "image/png"
    assert asset["size_bytes"] == len(picture)
    assert api.http.get(asset["url"], headers={"X-Api-Key": ""}).content == picture
    api.submitted(reference_image_url=asset["url"])
    assert standin.ledger()[0]["frames"].keys() == {"start"}


def test_the_older_upload_takes_a_raw_body_and_refuses_a_form(api, png):
    picture = png("teal", kind="JPEG")
    reply = api.http.post("/v1/asset", content=picture, headers={"Content-Type": "image/jpeg"}).json()
    assert reply["code"] == 100
    assert api.http.get(reply["data"]["url"]).content == picture
    assert api.http.post("/v1/asset", files={"file": ("a.jpg", picture, "image/jpeg")}).status_code == 400


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>"])
def test_only_png_and_jpeg_may_be_uploaded(api, data):
    assert api.upload(data).status_code == 400
