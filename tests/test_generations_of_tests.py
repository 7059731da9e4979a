"""What tests make in a running studio belongs to them: its worker never sees a generation on its way to a state."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.parts.generations import make, make_ready, make_running, make_saving

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def transactions_of(function, *arguments):
    """The statements of each transaction that it committed."""
    with CaptureQueriesContext(connection) as queries:
        function(*arguments)
    statements = "\n".join(query["sql"] for query in queries)
    return [part.split("\nCOMMIT")[0].splitlines() for part in statements.split("BEGIN")[1:]]


@pytest.mark.parametrize("moved_on", [make_running, make_saving, make_ready])
def test_others_see_it_only_as_far_as_it_was_asked_to_get(moved_on, owner):
    assert len(transactions_of(moved_on, owner)) == 1


@pytest.mark.parametrize("status", ["queued", "sending", "running", "saving", "ready"])
def test_what_is_made_for_a_screen_is_never_due(status, owner):
    [creation] = [
        lines for lines in transactions_of(make, owner, "fog", status) if 'INTO "videos_generation"' in str(lines)
    ]
    assert any(line.startswith('UPDATE "videos_generation" SET "status"') for line in creation)
