"""Each fault does on the wire what `videos/standin/fault_rules.py` and `file_faults.py` say it does."""

import time

import httpx
import pytest

from tests.parts.processes import wait_until
from tests.standin.conftest import EXECUTIONS, Api


@pytest.fixture
def large_drafts(start_standin):
    """A demo server whose drafts have about 300 kB, large enough to cut a body in the middle."""
    return start_standin("--draft", "--speed", "50", "--weight", "300000")


def rule(call, do, **match):
    return {"call": call, "do": do, **match}


def read(link, **request):
    """(response, its bytes, the error that ended the body or None)."""
    got = b""
    with httpx.stream("GET", link, timeout=60, **request) as reply:
        try:
            for chunk in reply.iter_raw():
                got += chunk
        except httpx.HTTPError as problem:
            return reply, got, problem
    return reply, got, None


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 410, 413, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("call", ["submit", "poll", "upload", "account"])
def test_any_call_can_be_answered_with_any_status(standin, api, png, call, status):
    execution_id = api.submitted()
    standin.faults([rule(call, {"status": status, "headers": {"Retry-After": "-1"}})])
    calls = {
        "submit": api.submit,
        "poll": lambda: api.poll(execution_id),
        "upload": lambda: api.upload(png("red")),
        "account": lambda: api.http.get("/v3/users/me"),
    }
    reply = calls[call]()
    assert (reply.status_code, reply.headers["Retry-After"]) == (status, "-1")
    assert reply.json()["error"]["message"]
    assert len(standin.ledger()) == 1
    assert standin.ask("GET", "assets") == []


@pytest.mark.parametrize(
    ("do", "kind", "body"),
    [
        ({"json": {"code": 400112, "msg": "no"}}, "application/json", b'{"code": 400112, "msg": "no"}'),
        ({"text": "{broken"}, "text/plain", b"{broken"),
        ({"html": "<h1>Bad gateway</h1>", "status": 502}, "text/html", b"<h1>Bad gateway</h1>"),
        ({"base64": "/9j/"}, "application/octet-stream", b"\xff\xd8\xff"),
    ],
)
def test_a_canned_body_comes_as_given_and_costs_nothing(standin, api, do, kind, body):
    standin.faults([rule("submit", do)])
    reply = api.submit()
    assert reply.headers["Content-Type"].startswith(kind)
    assert (reply.content, standin.ledger()) == (body, [])


@pytest.mark.parametrize(
    ("do", "paid"),
    [
        ({"reset": True}, 0),
        ({"close": True}, 0),
        ({"hang": 0.05}, 0),
        ({"accept": True, "reset": True}, 1),
        ({"accept": True, "close": True}, 1),
        ({"partial": 40}, 1),
        ({"partial": 220}, 1),
    ],
)
def test_a_lost_reply_says_in_the_ledger_whether_it_was_accepted(standin, api, do, paid):
    standin.faults([rule("submit", do)])
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        api.submit()
    assert len(standin.ledger()) == paid


@pytest.mark.parametrize("paid", [0, 1])
def test_a_hang_outlasts_the_callers_timeout(standin, api, paid):
    standin.faults([rule("submit", {"hang": True, "accept": bool(paid)})])
    with pytest.raises(httpx.ReadTimeout):
        body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": "A fox"}}
        api.http.post(EXECUTIONS, json=body, timeout=httpx.Timeout(60, read=0.5))
    wait_until(lambda: len(standin.ledger()) == paid, what="the request to arrive")


def test_an_accepted_submission_can_be_answered_with_an_error_all_the_same(standin, api):
    standin.faults([rule("submit", {"accept": True, "status": 504})])
    assert api.submit().status_code == 504
    assert len(standin.ledger()) == 1


@pytest.mark.parametrize("value", [7, "", None, "../../etc", {"a": 1}, "x" * 500])
def test_the_execution_id_can_be_odd(standin, api, value):
    standin.faults([rule("submit", {"execution_id": value})])
    assert api.submitted() == value


def test_the_execution_id_can_be_missing_or_that_of_the_one_before(standin, api):
    first = api.submitted()
    standin.faults([rule("submit", {"repeat_id": True}, nth=1), rule("submit", {"omit_id": True}, nth=1)])
    assert api.submitted() == first
    assert "execution_id" not in api.submit().json()["data"]
    assert len(standin.ledger()) == 3


def test_a_delay_comes_before_the_reply(standin, api):
    standin.faults([rule("account", {"delay": 0.3})])
    begun = time.monotonic()
    assert api.http.get("/v3/users/me").status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_a_sequence_of_states_is_played_in_order_for_each_execution_and_then_the_truth(standin, api):
    ids = [api.submitted(provider="ltx_distilled") for _ in range(2)]
    for execution_id in ids:
        api.ended(execution_id)
    standin.faults([rule("poll", {"sequence": ["queued", "processing", "submitted", None, "moonlit"]})])
    for execution_id in ids:
        words = [api.state(execution_id)["status"] for _ in range(6)]
        assert words == ["queued", "processing", "submitted", "completed", "moonlit", "completed"]


@pytest.mark.parametrize("problem", [{"code": "x", "message": "No"}, "No", None, 7])
def test_an_execution_can_fail_with_any_error(standin, api, problem):
    execution_id = api.submitted()
    standin.faults([rule("poll", {"status_word": "failed", "error": problem})])
    assert api.state(execution_id) == {"execution_id": execution_id, "status": "failed", "error": problem}
    standin.faults([rule("poll", {"status_word": "failed"})])
    assert "error" not in api.state(execution_id)


def test_a_completed_execution_can_lack_its_link_at_first(standin, api):
    execution_id = api.submitted(provider="ltx_distilled")
    api.ended(execution_id)
    standin.faults([rule("poll", {"no_link": True}, when="completed", first=2, per="execution")])
    found = ["output" in api.state(execution_id) for _ in range(3)]
    assert found == [False, False, True]


def test_not_found_right_after_the_submission(standin, api):
    standin.faults([rule("poll", {"status": 404}, first=1, per="execution")])
    for _ in range(2):
        execution_id = api.submitted()
        assert [api.poll(execution_id).status_code for _ in range(2)] == [404, 200]


def test_links_can_be_aimed_elsewhere(standin, api):
    execution_id = api.submitted(provider="ltx_distilled")
    api.ended(execution_id)
    standin.faults([rule("poll", {"link_base": "http://10.0.0.1:81"})])
    assert api.state(execution_id)["output"]["video"]["video_url"].startswith("http://10.0.0.1:81/files/")
    standin.faults([rule("poll", {"video_url": "ftp://a/b", "flat_output": True})])
    assert api.state(execution_id)["output"]["video_url"] == "ftp://a/b"


def test_rules_choose_by_prompt_number_count_and_chance(standin, api):
    standin.faults([rule("submit", {"status": 503}, prompt="fox")])
    assert [api.submit(prompt).status_code for prompt in ("A fox", "A hen")] == [503, 200]
    standin.faults([rule("account", {"status": 503}, nth=[1, 3])])
    assert statuses(api, 4) == [503, 200, 503, 200]
    standin.faults([rule("account", {"status": 503}, after=1, times=2)])
    assert statuses(api, 5) == [200, 503, 503, 200, 200]
    standin.faults([rule("account", {"status": 503}, probability=0.5, seed=4)])
    drawn = statuses(api, 30)
    assert 3 < drawn.count(503) < 27
    standin.faults([rule("account", {"status": 503}, probability=0.5, seed=4)])
    assert statuses(api, 30) == drawn
    assert standin.ask("GET", "faults")["rules"][0]["seen"] == 30
    standin.ask("DELETE", "faults")
    assert statuses(api, 1) == [200]


def statuses(api, count):
    return [api.http.get("/v3/users/me").status_code for _ in range(count)]


@pytest.mark.parametrize(
    "rules", [{}, [{"call": "dance", "do": {}}], [{"call": "poll"}], [7], [{"call": "poll", "do": {"satus": 4}}]]
)
def test_a_rule_that_makes_no_sense_is_refused(standin, rules):
    assert httpx.post(f"{standin.url}/control/faults", json=rules, timeout=60).status_code == 400


def test_requests_are_remembered_without_the_key(standin, api):
    api.http.headers["X-Api-Key"] = "canary-51c2"
    api.submitted("A fox")
    noted = standin.requests()
    assert [(entry["call"], entry["key_sent"], entry["status"]) for entry in noted] == [("submit", True, 200)]
    assert noted[0]["body"]["input"]["prompt"] == "A fox"
    assert "canary-51c2" not in str(noted)


@pytest.mark.parametrize("status", [403, 404, 410, 500])
def test_a_file_can_be_answered_with_a_status(standin, api, status):
    link = api.link()
    standin.faults([rule("file", {"status": status})])
    assert httpx.get(link, timeout=60).status_code == status


def test_a_link_can_expire_before_the_first_byte_and_stays_expired(standin, api):
    link = api.link()
    standin.faults([rule("file", {"expire": True}, nth=1)])
    assert [httpx.get(link, timeout=60).status_code for _ in range(2)] == [403, 403]


def test_a_link_can_expire_in_the_middle_of_the_body(large_drafts):
    link = large_drafts.api.link()
    body = httpx.get(link, timeout=60).content
    large_drafts.faults([rule("file", {"cut": 0.5, "withdraw": True}, nth=1)])
    reply, got, problem = read(link)
    assert int(reply.headers["Content-Length"]) == len(body) > len(got) > 0
    assert problem is not None
    assert httpx.get(link, headers={"Range": f"bytes={len(got)}-"}, timeout=60).status_code == 403


@pytest.mark.parametrize("do", [{"cut": 1000}, {"cut": 0.3}, {"cut": "random"}, {"cut": 1000, "gently": True}])
def test_a_connection_can_drop_in_mid_body_and_the_rest_be_fetched(large_drafts, do):
    link = large_drafts.api.link()
    body = httpx.get(link, timeout=60).content
    large_drafts.faults([rule("file", do, nth=1)])
    _, got, problem = read(link)
    assert problem is not None
    assert body.startswith(got)
    if do["cut"] == 1000:
        assert len(got) == 1000
    assert got + httpx.get(link, headers={"Range": f"bytes={len(got)}-"}, timeout=60).content == body


def test_the_bytes_sent_are_counted(large_drafts):
    execution_id = large_drafts.api.submitted()
    link = large_drafts.api.ended(execution_id)["output"]["video"]["video_url"]
    size = len(httpx.get(link, timeout=60).content)
    httpx.get(link, headers={"Range": "bytes=0-99"}, timeout=60)
    assert large_drafts.ask("GET", "videos")[execution_id]["bytes_sent"] == size + 100
    assert 150_000 < size < 600_000


def test_the_etag_can_change_at_each_request(standin, api):
    link = api.link()
    standin.faults([rule("file", {"etag": "random"})])
    assert len({httpx.head(link).headers["ETag"] for _ in range(3)}) == 3
    standin.faults([rule("file", {"no_etag": True})])
    assert "ETag" not in httpx.head(link).headers


def test_a_length_can_lie_either_way(standin, api):
    link = api.link()
    body = httpx.get(link, timeout=60).content
    standin.faults([rule("file", {"length": 10})])
    reply, got, problem = read(link)
    assert (int(reply.headers["Content-Length"]), got) == (len(body) + 10, body)
    assert isinstance(problem, httpx.RemoteProtocolError)
    standin.faults([rule("file", {"length": -10})])
    assert read(link)[1] == body[:-10]


def test_a_body_without_a_length_can_end_early_and_look_whole(standin, api):
    link = api.link()
    body = httpx.get(link, timeout=60).content
    standin.faults([rule("file", {"no_length": True, "truncate": 10})])
    reply, got, problem = read(link)
    assert ("Content-Length" in reply.headers, got, problem) == (False, body[:10], None)


def test_half_a_file_can_come_with_the_right_length_for_a_half(standin, api):
    link = api.link()
    body = httpx.get(link, timeout=60).content
    standin.faults([rule("file", {"truncate": 0.5})])
    reply, got, problem = read(link)
    assert (int(reply.headers["Content-Length"]), got, problem) == (len(got), body[: len(got)], None)
    assert len(got) == len(body) // 2


@pytest.mark.parametrize(
    ("name", "start"), [("html", b"<!doctype"), ("json", b"{"), ("jpeg", b"\xff\xd8\xff"), ("empty", b"")]
)
def test_something_else_can_be_called_a_video(standin, api, name, start):
    link = api.link()
    standin.faults([rule("file", {"body": name})])
    reply = httpx.get(link, timeout=60)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "video/mp4")
    assert reply.content.startswith(start)
    assert int(reply.headers["Content-Length"]) == len(reply.content)


def test_a_body_can_drip(standin, api):
    link = api.link()
    size = len(httpx.get(link, timeout=60).content)
    standin.faults([rule("file", {"drip": 100})])
    begun, got = time.monotonic(), b""
    with httpx.stream("GET", link, timeout=60) as reply:
        for chunk in reply.iter_raw():
            got += chunk
            if len(got) >= 50:
                break
    assert time.monotonic() - begun >= 0.3
    assert len(got) < size


def test_a_body_can_be_endless(standin, api):
    link = api.link()
    size = len(httpx.get(link, timeout=60).content)
    standin.faults([rule("file", {"endless": True})])
    got = 0
    with httpx.stream("GET", link, timeout=60) as reply:
        assert "Content-Length" not in reply.headers
        for chunk in reply.iter_raw():
            got += len(chunk)
            if got > size + 5_000_000:
                break
    assert got > size + 5_000_000


def test_a_body_can_be_a_gzip_bomb(standin, api):
    link = api.link()
    standin.faults([rule("file", {"gzip": 50_000_000})])
    reply, packed, _ = read(link)
    assert reply.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 100_000
    assert len(httpx.get(link, timeout=60).content) >= 50_000_000


def test_redirects_lead_round_and_then_where_they_should(standin, api):
    link = api.link()
    body = httpx.get(link, timeout=60).content
    standin.faults([rule("file", {"redirect": "http://169.254.169.254/latest"})])
    reply = httpx.get(link, timeout=60)
    assert (reply.status_code, reply.headers["Location"]) == (302, "http://169.254.169.254/latest")
    standin.faults([rule("file", {"hops": 3})])
    reply = httpx.get(link, follow_redirects=True, timeout=60)
    assert (len(reply.history), reply.content) == (3, body)


def test_a_range_can_be_ignored_or_answered_with_the_wrong_one(standin, api):
    link = api.link()
    body = httpx.get(link, timeout=60).content
    standin.faults([rule("file", {"ignore_range": True})])
    reply = httpx.get(link, headers={"Range": "bytes=5-"}, timeout=60)
    assert (reply.status_code, reply.content) == (200, body)
    standin.faults([rule("file", {"content_range": "wrong"})])
    reply = httpx.get(link, headers={"Range": "bytes=5-9"}, timeout=60)
    assert (reply.status_code, reply.headers["Content-Range"]) == (206, f"bytes 6-10/{len(body)}")


def test_eighty_percent_of_connections_can_drop_and_the_video_still_be_downloaded(large_drafts):
    link = large_drafts.api.link()
    body = httpx.get(link, timeout=60).content
    large_drafts.faults([rule("file", {"cut": "random"}, probability=0.8, seed=1)])
    got = b""

    def is_whole():
        nonlocal got
        got += read(link, headers={"Range": f"bytes={len(got)}-"})[1]
        return len(got) >= len(body)

    wait_until(is_whole, 60, "the whole body", every=0)
    assert got == body


def test_the_clock_and_the_finish_can_be_moved(start_standin):
    standin = start_standin("--draft")
    slow = standin.api.submitted(provider="sora_v2_pro")
    assert standin.api.state(slow)["status"] == "submitted"
    standin.ask("POST", "finish")
    assert standin.api.ended(slow)["status"] == "completed"
    other = standin.api.submitted(provider="sora_v2_pro")
    standin.ask("POST", "clock", json={"advance": 60})
    assert standin.api.ended(other)["status"] == "completed"
    standin.restart()
    assert Api(standin.url).state(other)["status"] == "completed"
