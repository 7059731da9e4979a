"""Two workers alive at once, and every task run five times over: still one POST and one copy for each generation."""

import sys

from tests.parts.processes import start, stop, wait_until
from tests.parts.worker_processes import rows

GENERATE = """
from tests.parts.generations import generate
from videos.tasks import enqueue_account_check, enqueue_poller, enqueue_save, enqueue_submit
keys = [generate(f"number {number}").pk for number in range(12)]
for _ in range(5):
    for pk in keys:
        enqueue_submit(pk)
        enqueue_save(pk)
    enqueue_poller()
    enqueue_account_check()
"""


def all_ready(studio):
    found = rows(studio)
    return found if {row["status"] for row in found} == {"ready"} else None


def test_two_workers_and_every_task_five_times_over_send_each_generation_once(start_studio, database_url, standin):
    studio = start_studio(STUDIO_MAX_IN_FLIGHT="50")
    second = start([sys.executable, "manage.py", "worker"], studio.env, studio.folder / "second.log")
    try:
        studio.manage("shell", "-v", "0", "-c", GENERATE)
        found = wait_until(lambda: all_ready(studio), 120, "every video to be saved")
    finally:
        stop(second)
    paid = {row["input"]["prompt"]: row["execution_id"] for row in standin.ledger()}
    assert len(standin.ledger()) == len(found) == 12
    assert {row["prompt"]: row["remote_id"] for row in found} == paid
