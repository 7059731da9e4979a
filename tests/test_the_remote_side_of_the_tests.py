from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import boto3
import httpx
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError

from tests.parts.processes import wait_until


def submit(remote, prompt):
    body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": prompt}}
    headers = {"X-Api-Key": "test-key"}
    with httpx.Client(base_url=remote.url, headers=headers, trust_env=False, timeout=60) as client:
        return client.post("/v1/workflows/executions", json=body)


def test_each_test_begins_with_an_empty_ledger(standin):
    assert standin.ledger() == []
    assert submit(standin, "a lighthouse").is_success
    assert [row["body"]["input"]["prompt"] for row in standin.ledger()] == ["a lighthouse"]
    assert [request["call"] for request in standin.requests()] == ["submit"]


def test_each_test_begins_without_faults(standin):
    assert standin.ledger() == []
    standin.faults([{"call": "submit", "do": {"status": 500}}])
    assert submit(standin, "a harbour").status_code == 500
    standin.clear()
    assert submit(standin, "a harbour").is_success


def test_a_killed_stand_in_comes_back_on_its_port_with_its_ledger(standin):
    assert submit(standin, "a ferry").is_success
    address = standin.url
    standin.kill()
    standin.restart()
    assert standin.url == address
    assert len(standin.ledger()) == 1


def test_the_bucket_refuses_a_wrong_secret_and_a_tampered_link(bucket):
    right, wrong = client(bucket), client(bucket, secret="wrong")
    right.put_object(Bucket="studio-videos", Key="a/film.mp4", Body=b"film")
    assert bucket.names() == ["a/film.mp4"]
    with pytest.raises(ClientError):
        wrong.put_object(Bucket="studio-videos", Key="a/film.mp4", Body=b"other")
    link = right.generate_presigned_url("get_object", {"Bucket": "studio-videos", "Key": "a/film.mp4"}, ExpiresIn=60)
    assert httpx.get(link, trust_env=False, timeout=60).content == b"film"
    assert httpx.get(link.replace("film.mp4", "film2.mp4"), trust_env=False, timeout=60).status_code == 403


def client(bucket, secret=None):
    return boto3.client(
        "s3",
        endpoint_url=bucket.url,
        region_name="us-east-1",
        aws_access_key_id=bucket.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=secret or bucket.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4"),
    )


@pytest.mark.parametrize("do", [{"delay": "held"}, {"hang": "held"}, {"accept": True, "hang": "held"}])
def test_a_request_of_the_test_before_leaves_no_trace(standin, do):
    standin.faults([{"call": "submit", "do": do}])
    with ThreadPoolExecutor(1) as thread:
        earlier = thread.submit(submit, standin, "a lighthouse")
        wait_until(lambda: standin.ask("GET", "faults")["rules"][0]["hits"], what="the request to come")
        standin.clear()
        with suppress(httpx.RemoteProtocolError):
            earlier.result()
    assert (standin.ledger(), standin.requests()) == ([], [])
