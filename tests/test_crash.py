"""A sample of the runs that `make crash` runs in full: real processes, real signals, both databases."""

import pytest

from tests.crash.course import MODELS, judge, run
from tests.parts.extent import EVERYTHING

SAMPLING = 1 if EVERYTHING else 2  # every n-th point; `make crash` breaks at each


@pytest.fixture
def sampling(database_url):
    """PostgreSQL gets a smaller sample: the code is the same, and only the transactions differ."""
    return SAMPLING if database_url.startswith("sqlite") else SAMPLING * SAMPLING


def test_a_submission_killed_at_any_line_is_sent_once_and_never_lost(database_url, sampling, tmp_path):
    findings = run(tmp_path, database_url, "kill", every=40 * sampling)
    assert findings["hits"] == findings["points"] > 50 / sampling
    assert judge(findings) == []


def test_a_submission_with_a_picture_killed_at_any_line_is_sent_once(database_url, sampling, tmp_path):
    findings = run(tmp_path, database_url, "kill", "--frames", every=60 * sampling)
    assert findings["hits"] == findings["points"] > 20 / sampling
    assert judge(findings) == []


def test_a_sender_frozen_past_its_lease_sends_nothing_a_second_time(database_url, sampling, tmp_path):
    findings = run(tmp_path, database_url, "freeze", every=4 * sampling)
    assert findings["hits"] == findings["points"] > 35 / sampling
    assert judge(findings) == []


def test_five_senders_of_the_same_generation_send_it_once(database_url, sampling, tmp_path):
    findings = run(tmp_path, database_url, "herd", every=1)
    assert findings["unknowns"] == 0
    assert judge(findings) == []


@pytest.mark.parametrize("options", [(), ("--frames",)])
def test_where_a_key_repeats_safely_a_killed_submission_leaves_no_unknown_outcome(
    options, database_url, sampling, tmp_path
):
    findings = run(tmp_path, database_url, "kill", *options, *MODELS, every=60 * sampling)
    assert findings["hits"] == findings["points"] > 20 / sampling
    assert judge(findings) == []
    assert findings["unknowns"] == 0


@pytest.mark.parametrize(("mode", "every"), [("freeze", 4 * SAMPLING), ("herd", 1)])
def test_where_a_key_repeats_safely_frozen_and_concurrent_senders_pay_once(mode, every, database_url, tmp_path):
    findings = run(tmp_path, database_url, mode, *MODELS, every=every)
    assert judge(findings) == []
    assert findings["unknowns"] == 0
