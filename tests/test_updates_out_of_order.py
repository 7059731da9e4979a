"""Live updates on PostgreSQL, where a transaction that began first may be committed last.

`STUDIO_HELD_SECONDS=20 pytest tests/test_updates_out_of_order.py` holds the first one open for as long as that.
"""

import os
import threading
import time
import uuid

from django.db import connections, transaction

from tests.parts.crowd import crowd
from tests.parts.people import make_member, with_single_cards
from tests.parts.postgres import MIGRATED
from tests.test_updates import Tab
from videos.models import Batch, ProcessLock, Provider, Request

SECONDS = float(os.environ.get("STUDIO_HELD_SECONDS", 2))
OTHERS = 500


def crowd_of_one(what, postgres, tmp_path):
    [answer] = crowd(f"{__name__}:{what}", postgres.new_database(MIGRATED), tmp_path, processes=1)
    return answer


def test_a_change_that_is_committed_long_after_500_later_ones_still_reaches_an_open_page(postgres, tmp_path):
    assert crowd_of_one("hold_one_open", postgres, tmp_path) == "shown once"


def test_two_transactions_that_change_at_the_same_moment_are_both_shown(postgres, tmp_path):
    assert crowd_of_one("change_at_once", postgres, tmp_path) == "shown once"


def hold_one_open(number):
    [held, *others] = generate(1 + OTHERS)
    tab = Tab(held.owner)
    with Transaction(held) as first:
        started = time.monotonic()
        for generation in others:
            generation.mark_favourite(True)
        tab.look()
        late = Tab(held.owner)
        time.sleep(max(0, SECONDS - (time.monotonic() - started)))
        assert public(held) not in shown(tab) + shown(late)
        first.commit()
    return said([shown(tab), shown(late)], [public(held)], tab)


def change_at_once(number):
    made = generate(2)
    tab = Tab(made[0].owner)
    with Transaction(made[0]) as first, Transaction(made[1]) as second:
        second.commit()
        shown_first = shown(tab)
        first.commit()
    return said([shown_first + shown(tab)], [public(made[1]), public(made[0])], tab)


def said(found, wanted, tab):
    """What the processes of these tests answer: whether each page was shown what it should be, and once."""
    again = shown(tab)
    return "shown once" if all(ids == wanted for ids in found) and not again else f"shown: {found}, and then {again}"


def generate(count):
    owner, provider = with_single_cards(make_member()), Provider.objects.get(value="sora_v2_pro")
    ProcessLock.objects.acquire("poller", 1000)  # or the page would say that nothing is polled
    batch = Batch.objects.make(owner, uuid.uuid4().hex, [Request("a lighthouse", provider)] * count)
    return list(batch.generations.order_by("pk"))


def public(generation):
    return str(generation.public_id)


def shown(tab):
    return tab.changes()[0]


class Transaction:
    """Another connection's transaction, which has marked a generation as a favourite and is not committed yet."""

    def __init__(self, generation):
        self.generation = generation
        self.is_open, self.may_end = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        assert self.is_open.wait(60)
        return self

    def run(self):
        with transaction.atomic():
            self.generation.mark_favourite(True)
            self.is_open.set()
            self.may_end.wait(120)
        connections.close_all()

    def commit(self):
        self.may_end.set()
        self.thread.join(60)

    def __exit__(self, *_):
        self.commit()
