"""A sample of the runs that `make crash` runs in full: real processes, real signals, both databases."""

import pytest

from tests.crash.course import MODELS, judge, run
from tests.parts.extent import EVERYTHING

THINNER = 1 if EVERYTHING else 2  # `make crash` breaks at every point


@pytest.fixture
def thinner(database_url):
    """The code is the same on PostgreSQL, so that a smaller sample shows whether its transactions are too."""
    return THINNER if database_url.startswith("sqlite") else THINNER * THINNER


def test_a_submission_killed_at_any_line_is_sent_once_and_never_lost(database_url, thinner, tmp_path):
    findings = run(tmp_path, database_url, "kill", every=40 * thinner)
    assert findings["hits"] == findings["points"] > 50 / thinner
    assert judge(findings) == []


def test_a_submission_with_a_picture_killed_at_any_line_is_sent_once(database_url, thinner, tmp_path):
    findings = run(tmp_path, database_url, "kill", "--frames", every=60 * thinner)
    assert findings["hits"] == findings["points"] > 20 / thinner
    assert judge(findings) == []


def test_a_sender_frozen_past_its_lease_and_woken_sends_nothing_a_second_time(database_url, thinner, tmp_path):
    findings = run(tmp_path, database_url, "freeze", every=4 * thinner)
    assert findings["hits"] == findings["points"] > 35 / thinner
    assert judge(findings) == []


def test_five_senders_of_the_same_generation_send_it_once(database_url, thinner, tmp_path):
    findings = run(tmp_path, database_url, "herd", every=1)
    assert findings["unknowns"] == 0
    assert judge(findings) == []


@pytest.mark.parametrize("options", [(), ("--frames",)])
def test_where_a_key_repeats_safely_a_killed_submission_leaves_no_unknown_outcome(
    options, database_url, thinner, tmp_path
):
    findings = run(tmp_path, database_url, "kill", *options, *MODELS, every=60 * thinner)
    assert findings["hits"] == findings["points"] > 20 / thinner
    assert judge(findings) == []
    assert findings["unknowns"] == 0


@pytest.mark.parametrize(("mode", "every"), [("freeze", 4 * THINNER), ("herd", 1)])
def test_where_a_key_repeats_safely_a_sleeper_and_a_herd_pay_once(mode, every, database_url, tmp_path):
    findings = run(tmp_path, database_url, mode, *MODELS, every=every)
    assert judge(findings) == []
    assert findings["unknowns"] == 0
