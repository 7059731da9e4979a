"""Rows keep a code; the sentence is looked up when it is shown. The sentences that 0.1.0 stored become codes."""

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps

from tests.parts.generations import generate, make
from tests.parts.people import make_member
from tests.parts.processes import ROOT
from videos import wording
from videos.engine.submit import submit
from videos.models import RemoteAccount

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def migration(name):
    [path] = (Path(ROOT) / "videos" / "migrations").glob(f"*_{name}.py")
    return import_module(f"videos.migrations.{path.stem}")


MIGRATION, NOTES = migration("error_codes"), migration("status_notes")


def test_a_row_keeps_the_code_and_the_remotes_own_words_and_the_sentence_names_the_remote(remote):
    generation = generate()
    error = {"code": "insufficient_credit", "message": "Top up, please."}
    remote.faults([{"call": "submit", "do": {"status": 402, "json": {"error": error}}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.error_code, generation.error_detail) == ("refusal.credits", "Top up, please.")
    assert generation.error_message.startswith("The HeyGen account had run out of credits.")


def test_a_sentence_of_0_1_0_becomes_its_code_and_other_text_stays():
    member = make_member()
    known, odd = MIGRATION.CODES, "Words that nobody knows. Really."
    made = make(member, status="failed", count=len(known) + 1)
    for generation, words in zip(made, [*known, odd], strict=True):
        type(generation).objects.filter(pk=generation.pk).update(error_code=words)
    MIGRATION.turn_sentences_into_codes(apps, None)
    for generation, words in zip(made, [*known, odd], strict=True):
        generation.refresh_from_db()
        assert generation.error_code == known.get(words, odd)
        assert generation.error_message.endswith(".")
    assert made[-1].error_message == odd


def test_every_code_of_the_migration_has_a_sentence():
    for code in MIGRATION.CODES.values():
        assert wording.explain(code, "HeyGen") != code


STORED = {
    "HeyGen could not be reached. Nothing was sent and nothing was charged; it is tried again by itself.": (
        "delay.network",
        {},
    ),
    "HeyGen could not be reached to ask how far this is. The video is not lost: the studio keeps asking.": (
        "poll.network",
        {},
    ),
    "The studio met a fault of its own (TypeError at videos/tasks.py:57). The video is not lost: the studio keeps "
    "asking.": ("poll.own_fault", {"detail": "TypeError at videos/tasks.py:57"}),
    "Pressed with an API key. It waits, unharmed, until the studio runs with the key again.": ("mode.real", {}),
    "The video is finished, but its download was interrupted after 3.1 MB. Trying again in 4 s; HeyGen is asked for "
    "another link when this one goes on failing.": ("saving.interrupted_after", {"size": "3.1 MB", "seconds": 4}),
    "The video is finished, but its link has died, and there is no fresh one yet. HeyGen answered with a fault of its "
    "own. Trying again in 5 minutes, with a fresh link from HeyGen; nothing more is charged.": (
        "saving.no_new_link",
        {"remote_cause": "fault", "seconds": 300},
    ),
    "The video is finished, but what was sent is not a whole one. The video is cut short: at least 1,234 bytes are "
    "missing at its end. Trying again in 2 s, with a fresh link from HeyGen; nothing more is charged.": (
        "video.cut_short",
        {"missing": "1,234", "seconds": 2},
    ),
    "The video is finished, but this studio cannot check it: the video is 9000 × 9000 pixels, more than the 4K this "
    "studio can check. Trying again in 60 minutes; nothing is downloaded again.": (
        "video.pixels",
        {"width": "9000", "height": "9000", "seconds": 3600},
    ),
    "Words that nobody knows. Really.": ("earlier.words", {"words": "Words that nobody knows. Really."}),
}


REWORDED = {
    "to ask how far this is": "to check on this video",
    "keeps asking": "keeps checking",
    "The studio met a fault of its own": "The studio had an internal error",
    "answered with a fault of its own": "reported an internal error",
    "is asked for another link when this one goes on failing": "is asked for another link if this one keeps failing",
    "what was sent is not a whole one": "the file that was sent is not a complete video",
    "by itself": "automatically",
    "its link has died, and there is no fresh one yet": "its link has expired, and there is no new one yet",
    "with a fresh link": "with a new link",
}


@pytest.mark.parametrize("words", STORED)
def test_a_stored_sentence_becomes_a_status_note_that_says_the_same_today(words):
    code, facts = STORED[words]
    assert NOTES.code_of(words) == (code, facts)
    if not code.startswith("mode"):
        for before, today in REWORDED.items():
            words = words.replace(before, today)
        assert wording.explain(code, "HeyGen", facts) == words


def test_every_status_note_of_the_migration_goes_back_to_a_sentence_and_is_known_today():
    facts = dict.fromkeys(["detail", "size", "http", "looks", "missing", "width", "height"], "7")
    for code in {**NOTES.OTHERS, **NOTES.SAVING, **NOTES.VIDEO}:
        assert NOTES.code_of(NOTES.sentence_of(code, facts))[0] == code
        assert wording.explain(code, "HeyGen", facts) != code


PAUSED = {
    "owner": ("olga paused sending.", {"person": "olga"}),
    "key": ("HeyGen did not accept the API key. Nothing is sent until the key is put right.", {}),
    "unknowns": ("3 requests in a row ended without saying whether HeyGen accepted them.", {"requests": 3}),
    "restored": (
        "This studio was restored from a backup of 2 May 2026, 10:00. 4 requests were waiting then, and may have been "
        "sent since: sending them again would cost again. Cancel those that were made, then resume.",
        {"backup": "2 May 2026, 10:00", "requests": 4},
    ),
    "credits": ("Words that nobody knows.", {"words": "Words that nobody knows."}),
}


@pytest.mark.parametrize("cause", PAUSED)
def test_the_stored_reason_of_a_pause_becomes_facts_that_say_the_same_today(cause):
    words, facts = PAUSED[cause]
    assert NOTES.pause_facts(cause, words) == facts
    assert RemoteAccount(
        backend="heygen_workflows", pause_cause=cause, pause_facts=facts
    ).pause_reason == words.replace("put right", "corrected")
