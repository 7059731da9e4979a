"""A canary key and canary signatures go through a whole studio at DEBUG level, and through every kind of fault.

Afterwards the key is nowhere but in the environment: not in the database's bytes, its WAL, the media, a log, a page,
a task, or a command line. A link's signature is in its own row, until the copy is saved, and nowhere else.
"""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tests.parts.processes import wait_until
from tests.parts.studio import command_line

KEY = "canary-key-5f0c9b1d7e"
SIGNATURE = "canary-signature-81ad33"
LINK = f"files.example/a.mp4?Signature={SIGNATURE}&Expires=1"
SHAPES = (
    f"https://{LINK}",
    LINK,
    f"https:\\/\\/{LINK}",
    f"X-Amz-Signature={SIGNATURE}",
    f"HTTPS%3A%2F%2F{quote(LINK)}",
)
ECHO = f"Key {KEY} may not open {' or '.join(SHAPES)} ({KEY})"


def echoing(status, code="invalid_parameter"):
    """A reply that repeats our key and a signed link, as a careless server might."""
    return {"status": status, "json": {"error": {"code": code, "message": ECHO}}}


SUBMIT = {
    "refused aloud": echoing(400),
    "provider closed": echoing(403, "ai_vendor_access_restricted"),
    "oldest family": {"status": 400, "json": {"code": 400175, "message": ECHO}},
    "text as error": {"status": 422, "json": {"error": ECHO}},
    "fault aloud": echoing(500, "internal_error"),
    "odd id": {"execution_id": ECHO},
    "hypertext": {"html": f"<h1>{ECHO}"},
}
POLL = {
    "failed aloud": {"status_word": "failed", "error": {"code": "generation_failed", "message": ECHO}},
    "failed as text": {"status_word": "failed", "error": ECHO},
    "odd word": {"status_word": f"running ?Signature={SIGNATURE}"},
    "odd ids": {"data": {"status": "completed", "output": {"video_id": ECHO, "asset_id": KEY, "video_url": "nowhere"}}},
    "poll refused": echoing(400),
    "poll faulty": echoing(503, "internal_error"),
    "poll hypertext": {"html": ECHO},
}
FILE = {
    "file expired": {"expire": True},
    "file redirected": {"redirect": f"http://10.0.0.1/a.mp4?Signature={SIGNATURE}"},
    "file is a page": {"body": "html"},
}
PASSING = {"file is cut": {"cut": 0.5}}
UPLOAD = {"upload refused": echoing(400), "upload faulty": echoing(500, "internal_error")}
# The same of the second API, which repeats what is lost.
OTHER_SUBMIT = {
    "other refused": echoing(400),
    "other fault": echoing(500, "internal_error"),
    "other id": {"omit_id": True, "headers": {"Sunset": ECHO}},
    "other busy": {**echoing(409, "request_in_progress")},
}
OTHER_POLL = {
    "other failed": {"data": {"status": "failed", "failure_code": KEY, "failure_message": ECHO}},
    "other poll refused": echoing(422),
}
FINE = ("plain one", "plain two")
OTHER_FINE = ("other plain",)
DEAD_LINK = "dead link"


def rules(standin):
    dead = f"{standin.url}/files/nothing-here?Signature={SIGNATURE}"
    return [
        *({"call": "submit", "prompt": prompt, "do": do} for prompt, do in SUBMIT.items()),
        *({"call": "submit", "prompt": prompt, "do": do} for prompt, do in OTHER_SUBMIT.items()),
        *({"call": "poll", "prompt": prompt, "do": do} for prompt, do in (POLL | OTHER_POLL).items()),
        *({"call": "file", "prompt": prompt, "do": do} for prompt, do in FILE.items()),
        *({"call": "file", "prompt": prompt, "first": 2, "do": do} for prompt, do in PASSING.items()),
        {"call": "upload", "first": 1, "do": UPLOAD["upload refused"]},
        {"call": "upload", "do": UPLOAD["upload faulty"]},
        {"call": "poll", "prompt": DEAD_LINK, "when": "completed", "do": {"video_url": dead}},
    ]


GENERATE = """
from tests.parts.generations import owner, picture, generate
from videos.models import RemoteAccount
by = owner("owner")
for prompt in {plain!r}:
    generate(prompt, by=by)
for prompt in {other!r}:
    generate(prompt, "heygen_video_1", by=by)
for colour, prompt in zip(("teal", "orange"), {framed!r}):
    generate(prompt, by=by, start_frame=picture(colour, by=by))
"""
PAGES = ("/", "/?state=attention", "/updates", "/usage", "/healthz", "/admin/", "/admin/videos/generation/")
PLANT = """
from django.utils import timezone
from django_q.models import Task
now = timezone.now()
Task.objects.create(id="x", name="x", func="x", args=("planted words",), started=now, stopped=now, success=False)
"""
QUEUE = """
from django_q.models import *
print([(row.args, row.kwargs, row.result) for row in Task.objects.all()], [row.task for row in OrmQ.objects.all()])
"""


def database(studio, mode="ro"):
    return sqlite3.connect(f"file:{studio.data / 'studio.sqlite3'}?mode={mode}", uri=True, timeout=60)


def states(studio):
    """{prompt: (status, its notes)}"""
    with closing(database(studio)) as rows:
        found = rows.execute("SELECT prompt, status, status_note || status_facts || error_code FROM videos_generation")
        return {prompt: (status, said) for prompt, status, said in found}


def resume(studio):
    """Several lost replies in a row pause sending; here they are meant."""
    with closing(database(studio, "rw")) as rows, rows:
        rows.execute("UPDATE videos_remoteaccount SET paused = 0, unknowns_in_a_row = 0 WHERE paused")


def all_is_told(studio):
    """Every fault has had its effect: an end, or a status note."""
    resume(studio)
    now = states(studio)
    faulty = now.keys() - {*FINE, *OTHER_FINE, "odd word", "odd ids"}
    return all(said for prompt, (_, said) in now.items() if prompt in faulty and prompt not in PASSING) and all(
        now[prompt][0] == "ready" for prompt in (*FINE, *OTHER_FINE, *PASSING)
    )


def test_neither_the_key_nor_a_links_signature_appears_anywhere(start_studio, standin):
    standin.faults(rules(standin))
    studio = start_studio(HEYGEN_API_KEY=KEY, STUDIO_LOG_LEVEL="DEBUG", STUDIO_MAX_IN_FLIGHT="100")
    studio.make_owner()
    other = (*OTHER_SUBMIT, *OTHER_POLL, *OTHER_FINE)
    plain = (*SUBMIT, *POLL, *FILE, *PASSING, *FINE, DEAD_LINK)
    studio.manage("shell", "-v", "0", "-c", GENERATE.format(plain=plain, other=other, framed=tuple(UPLOAD)))
    try:
        wait_until(lambda: all_is_told(studio), 100, "every fault to be told", every=0.3)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{states(studio)}\n{studio.log[-3000:]}") from None

    used = {value for request in standin.requests("file") for value in request["query"].values() if len(value) > 12}
    assert used, "No video was fetched by a signed link"
    places = {"the log": studio.log, "a command line": command_lines(studio), "a task": queue_of(studio)}
    texts = {**places, **pages_of(studio)}
    for name, text in texts.items():
        for secret in (KEY, SIGNATURE, *used):
            assert secret not in text, f"{secret} is in {name}"
    assert columns_with(studio, "files.example/a.mp4"), "Nothing of what the remote API said was kept"
    assert files_with(studio.data, KEY) == []
    for secret in (SIGNATURE, *used):
        places = columns_with(studio, secret)
        assert {(table, column) for table, column, _ in places} <= {("videos_generation", "video_url")}
        assert {status for _, _, status in places} <= {"saving"}
    assert_no_remains(studio, [secret for secret in used if not columns_with(studio, secret)])


def assert_no_remains(studio, secrets):
    """Data removed from a row is removed from the file, too: by default, SQLite keeps old bytes."""
    with closing(database(studio, "rw")) as rows:
        wait_until(lambda: rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, 20, "a checkpoint")
    kept = (studio.data / "studio.sqlite3").read_bytes()
    assert secrets
    assert [secret for secret in secrets if secret.encode() in kept] == []


def queue_of(studio):
    """Every task and result in clear: django-q2 stores them pickled."""
    studio.manage("shell", "-v", "0", "-c", PLANT)
    found = studio.manage("shell", "-v", "0", "-c", QUEUE)
    assert "planted words" in found, "What stands in a task was not seen"
    return found


def command_lines(studio):
    return "\n".join(" ".join(command_line(process)) for process in studio.processes())


def pages_of(studio):
    with closing(database(studio)) as rows:
        found = rows.execute("SELECT id, public_id FROM videos_generation").fetchall()
    pages = [*PAGES, *(f"/g/{uuid.UUID(public_id)}" for _, public_id in found)]
    pages += [f"/admin/videos/generation/{pk}/change/" for pk, _ in found]
    with closing(studio.client()) as client:
        answers = {page: wait_until(lambda page=page: shown(client, page), what=page) for page in pages}
    return {page: answer.text for page, answer in answers.items()}


def shown(client, page):
    """The page, but not yet that of /healthz while a busy machine delays the worker."""
    answer = client.get(page)
    assert answer.is_success or page == "/healthz", f"{page}: {answer.status_code}"
    return answer if answer.is_success else None


def files_with(folder, secret):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files)
    return [str(path) for path in files if secret.encode() in content(path)]


def content(path):
    """Its bytes; none if the running studio has removed it meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def columns_with(studio, secret):
    """(table, column, status of the generation if it is one) of every row that holds the secret."""
    found = set()
    with closing(database(studio)) as rows:
        tables = [name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in rows.execute(f'PRAGMA table_info("{table}")')]
            status = "status" if "status" in columns else "''"
            for column in columns:
                query = f'SELECT {status} FROM "{table}" WHERE instr(CAST("{column}" AS TEXT), ?)'
                found |= {(table, column, row[0]) for row in rows.execute(query, (secret,))}
    return found
