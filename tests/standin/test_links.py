import httpx
import pytest


@pytest.fixture
def video(api):
    """(link, whole body) of a finished video."""
    link = api.link(provider="ltx_distilled")
    return link, httpx.get(link, timeout=60).content


def test_each_poll_brings_a_fresh_link_to_the_same_bytes(api):
    execution_id = api.submitted(provider="ltx_distilled")
    links = [api.ended(execution_id)["output"]["video"]["video_url"] for _ in range(2)]
    assert links[0] != links[1]
    assert httpx.get(links[0], timeout=60).content == httpx.get(links[1], timeout=60).content


def test_two_videos_never_have_the_same_bytes(standin, api):
    for _ in range(2):
        api.link(provider="ltx_distilled")
    assert len({video["sha256"] for video in standin.ask("GET", "videos").values()}) == 2


def test_a_link_needs_its_signature_and_no_key(video):
    link, body = video
    assert httpx.get(link, timeout=60).content == body
    assert httpx.get(link[:-1] + ("0" if link[-1] != "0" else "1"), timeout=60).status_code == 403
    assert httpx.get(link.split("?")[0], timeout=60).status_code == 403
    assert httpx.get(link.replace("Expires=", "Expires=9"), timeout=60).status_code == 403


def test_a_link_expires_and_a_poll_returns_a_new_one(standin, api):
    execution_id = api.submitted(provider="ltx_distilled")
    old = api.ended(execution_id)["output"]["video"]["video_url"]
    standin.ask("POST", "clock", json={"advance": 3601})
    assert httpx.get(old, timeout=60).status_code == 403
    assert httpx.get(api.ended(execution_id)["output"]["video"]["video_url"], timeout=60).status_code == 200


def test_all_links_can_be_expired_at_once(standin, api, video):
    standin.ask("POST", "expire")
    assert httpx.get(video[0], timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("asked", "slice_of"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
    ],
)
def test_a_range_is_answered_with_just_those_bytes(video, asked, slice_of):
    link, body = video
    reply = httpx.get(link, headers={"Range": asked}, timeout=60)
    assert reply.status_code == 206
    assert reply.content == body[slice_of]
    assert reply.headers["Content-Range"].endswith(f"/{len(body)}")


def test_a_range_beyond_the_end_is_a_416(video):
    link, body = video
    reply = httpx.get(link, headers={"Range": f"bytes={len(body)}-"}, timeout=60)
    assert (reply.status_code, reply.headers["Content-Range"]) == (416, f"bytes */{len(body)}")


def test_if_range_with_another_etag_returns_the_whole_file(video):
    link, body = video
    etag = httpx.head(link).headers["ETag"]
    same, other = (
        httpx.get(link, headers={"Range": "bytes=5-", "If-Range": tag}, timeout=60) for tag in (etag, '"other"')
    )
    assert (same.status_code, same.content) == (206, body[5:])
    assert (other.status_code, other.content) == (200, body)


def test_head_shows_the_length_and_sends_nothing(video):
    link, body = video
    reply = httpx.head(link)
    assert (reply.status_code, int(reply.headers["Content-Length"]), reply.content) == (200, len(body), b"")
