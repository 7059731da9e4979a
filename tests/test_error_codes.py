"""Rows keep a code; the sentence is looked up when it is shown. What 0.1.0 stored as sentences becomes codes."""

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps

from tests.parts.exhibition import make
from tests.parts.generations import generate
from tests.parts.people import make_member
from tests.parts.processes import ROOT
from videos import wording
from videos.engine.submit import submit

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

[NAME] = [path.stem for path in (Path(ROOT) / "videos" / "migrations").glob("*_error_codes.py")]
MIGRATION = import_module(f"videos.migrations.{NAME}")


def test_a_row_keeps_the_code_and_the_remotes_own_words_and_the_sentence_names_the_remote(remote):
    generation = generate()
    error = {"code": "insufficient_credit", "message": "Top up, please."}
    remote.faults([{"call": "submit", "do": {"status": 402, "json": {"error": error}}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.error_code, generation.error_detail) == ("refusal.credits", "Top up, please.")
    assert generation.error_message.startswith("The HeyGen account had run out of credits.")


def test_a_sentence_of_0_1_0_becomes_its_code_and_what_is_none_stays():
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
        assert wording.told(code, "HeyGen") != code
