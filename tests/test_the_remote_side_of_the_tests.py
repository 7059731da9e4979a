import httpx


def submit(remote, prompt):
    body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": prompt}}
    headers = {"X-Api-Key": "test-key"}
    with httpx.Client(base_url=remote.url, headers=headers, trust_env=False, timeout=20) as client:
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
