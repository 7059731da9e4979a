"""A studio that an older version ran is brought up to date: it shows, plays and follows everything that it did.

`tests/upgrade/` holds such a studio for each version and the script that made it. Versions are added, never removed.
"""

import hashlib
import json
from importlib import import_module
from types import SimpleNamespace
from uuid import UUID

import httpx
import pytest
from django.apps import apps
from django.db import connection

from tests.parts.generations import make
from tests.parts.processes import LOOPBACK, environment, manage, wait_until
from tests.parts.standin import Standin
from tests.parts.studio import csrf_token
from tests.parts.worker_processes import read
from tests.upgrade.load import Old

VERSIONS = ["0.1.0"]
# The same words as `describe_one` in the script that made the studio, by the names of today.
DESCRIBE = """
import json
from videos.models import Generation

def describe(generation):
    saved = getattr(generation, "saved_video", None)
    return {
        "public_id": str(generation.public_id),
        "owner": generation.owner.username,
        "prompt": generation.prompt,
        "provider": generation.provider.value,
        "aspect_ratio": generation.aspect_ratio,
        "config": generation.config,
        "status": generation.status,
        "demo": generation.backend.startswith("demo:"),
        "id": generation.remote_id,
        "cause": generation.error_class,
        "detail": generation.error_detail,
        "favourite": generation.favourites.filter(user=generation.owner).exists(),
        "shared": generation.shared,
        "is_trashed": generation.trashed_at is not None,
        "start_frame": str(generation.start_frame.public_id) if generation.start_frame else None,
        "retry_of": str(generation.retry_of.public_id) if generation.retry_of else None,
        "batch": str(generation.batch.public_id),
        "videos_held": sum(generation.ledger.values_list("videos", flat=True)),
        "money_held": str(sum(generation.ledger.values_list("amount", flat=True))),
        "sha256": saved and saved.sha256,
    }

print(json.dumps([describe(generation) for generation in Generation.objects.order_by("pk")]))
"""


class Upgraded:
    """An old studio on today's code, and what its own version said of it."""

    def __init__(self, old, studio, remote):
        self.old, self.studio, self.remote = old, studio, remote
        self.expected = old.expected
        self.people = {}

    def rows(self):
        return json.loads(self.studio.manage("shell", "-v", "0", "-c", DESCRIBE))

    def of(self, *prompts):
        """Expected rows whose prompt begins with one of these words."""
        return [row for row in self.expected["generations"] if row["prompt"].startswith(prompts)]

    def statuses(self):
        """{public_id: status} as it stands now."""
        found = read(self.studio, "SELECT public_id, status FROM videos_generation")
        return {str(UUID(str(public_id))): status for public_id, status in found}

    def signed_in(self, name):
        """A browser that signed in before the upgrade."""
        if name not in self.people:
            cookies = {"sessionid": self.expected["sessions"][name]}
            self.people[name] = httpx.Client(base_url=self.studio.url, cookies=cookies, timeout=60, **LOOPBACK)
        return self.people[name]

    def stranger(self):
        return httpx.Client(base_url=self.studio.url, timeout=60, **LOOPBACK)

    def post(self, name, path, **fields):
        client = self.signed_in(name)
        fields |= {"csrfmiddlewaretoken": csrf_token(client, "/")}
        return client.post(path, data=fields, headers={"Referer": f"{self.studio.url}/"})


@pytest.fixture(params=VERSIONS)
def upgraded(request, tmp_path, database, new_studio):
    """Migrated, and not yet started. Its remote API is the demo server, with the memory that it had."""
    old = Old(request.param)
    old.load_demo_server(tmp_path / "remote")
    remote = Standin(tmp_path / "remote")
    addresses = {"HEYGEN_API_URL": remote.url, "HEYGEN_UPLOAD_URL": remote.url}
    studio = new_studio(**addresses, SECRET_KEY=None, DATABASE_URL=database, STUDIO_POLL_SECONDS="0.5")
    old.load(studio)
    studio.manage("migrate", "--noinput", "-v", "0")
    yield Upgraded(old, studio, remote)
    remote.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue("postgres").new_database() if request.param == "postgres" else ""


NOTES = """
import json
from videos.models import Generation, RemoteAccount

rows = Generation.objects.exclude(status_note="").values_list("prompt", "status_note", "status_facts")
pauses = RemoteAccount.objects.values_list("pause_cause", "pause_facts").distinct()
print(json.dumps([{prompt: [note, facts] for prompt, note, facts in rows}, list(pauses)]))
"""


def every_row_keeps_its_meaning(upgraded):
    assert upgraded.rows() == upgraded.expected["generations"]
    notes, pauses = json.loads(upgraded.studio.manage("shell", "-v", "0", "-c", NOTES))
    assert notes == {
        "queued: not reached": ["earlier.words", {"words": "HeyGen could not be reached. Nothing was sent."}],
        "running: not reached": ["poll.network", {}],
        "saving: its link is dead": [
            "earlier.words",
            {"words": "The video is finished, but the disk is full. Trying again in 1 minute."},
        ],
    }
    assert pauses == [["owner", {"person": "olga"}]]
    said = upgraded.studio.manage("makemigrations", "--check", "--dry-run")
    assert "No changes detected" in said


def test_it_keeps_every_row_and_shows_and_plays_and_follows_everything_it_did(upgraded):
    every_row_keeps_its_meaning(upgraded)
    paid = len(upgraded.remote.ledger())
    upgraded.studio.start()
    people_come_in_as_before(upgraded)
    everything_is_shown(upgraded)
    what_was_saved_plays(upgraded)
    what_was_on_its_way_arrives(upgraded)
    assert len(upgraded.remote.ledger()) == paid, "nothing is sent while sending is paused"
    what_waited_is_sent_once_sending_goes_on(upgraded)
    assert len(upgraded.remote.ledger()) == paid + len(upgraded.of("queued:"))
    decisions_can_still_be_made(upgraded)
    assert "Traceback" not in upgraded.studio.log


def people_come_in_as_before(upgraded):
    expected = upgraded.expected
    for name in ("olga", "max"):
        assert upgraded.signed_in(name).get("/account").status_code == 200
        assert upgraded.studio.client(name, expected["password"]).get("/").status_code == 200
    mia = upgraded.stranger()
    fields = {"username": "mia", "password": expected["password"], "csrfmiddlewaretoken": csrf_token(mia, "/login")}
    refused = mia.post("/login", data=fields, headers={"Referer": f"{upgraded.studio.url}/login"})
    assert refused.status_code == 422, "she was deactivated"
    assert upgraded.stranger().get(f"/invite/{expected['invitation']}").status_code == 200
    assert upgraded.stranger().get(f"/reset/{expected['reset']}").status_code == 200


def everything_is_shown(upgraded):
    olga, rows = upgraded.signed_in("olga"), upgraded.expected["generations"]
    for row in rows:
        page = upgraded.signed_in(row["owner"]).get(f"/g/{row['public_id']}")
        assert page.status_code == 200 and row["prompt"] in page.text, row
    assert upgraded.of("ready: shared")[0]["prompt"] in upgraded.signed_in("max").get("/").text
    trash, favourites = olga.get("/?state=trash").text, olga.get("/?state=favourite").text
    assert f"g-{upgraded.of('ready: in the trash')[0]['public_id']}" in trash
    assert f"g-{upgraded.of('ready: shared')[0]['public_id']}" in favourites
    home = olga.get("/").text
    assert "Sending is paused" in home and "Our model" in home
    pages = ["/usage", "/usage.csv", "/members", "/compare", "/admin/videos/generation/", "/admin/videos/ledgerentry/"]
    pages += ["/admin/videos/provider/", "/admin/videos/picture/", "/admin/videos/savedvideo/", "/admin/auth/user/"]
    answers = {path: olga.get(path) for path in pages}
    assert {answer.status_code for answer in answers.values()} == {200}, answers
    assert "500 videos a month" in answers["/members"].text and "40" in answers["/members"].text
    assert upgraded.signed_in("max").get("/members").status_code == 404


def what_was_saved_plays(upgraded):
    for row in upgraded.of("ready:", "demo: ready"):
        client = upgraded.signed_in(row["owner"])
        film = client.get(f"/g/{row['public_id']}/video.mp4")
        assert hashlib.sha256(film.content).hexdigest() == row["sha256"]
        for name in ("poster", "last-frame"):
            assert client.get(f"/g/{row['public_id']}/{name}").headers["Content-Type"] == "image/jpeg"
        if row["start_frame"]:
            assert client.get(f"/pictures/{row['start_frame']}").status_code == 200
    link = f"/s/{upgraded.expected['public_link']}"
    assert upgraded.stranger().get(link).status_code == 200
    film = upgraded.stranger().get(f"{link}/video.mp4")
    assert hashlib.sha256(film.content).hexdigest() == upgraded.of("ready: shared")[0]["sha256"]


def what_was_on_its_way_arrives(upgraded):
    expected = {row["public_id"]: row["status"] for row in upgraded.expected["generations"]}
    for row in upgraded.of("running:", "saving:", "sending: its id is beside"):
        expected[row["public_id"]] = "ready"
    for row in upgraded.of("sending: no reply yet"):
        expected[row["public_id"]] = "unknown"
    wait_until(lambda: upgraded.statuses() == expected, 60, "everything to arrive", every=0.5)
    assert not list((upgraded.studio.data / "accepted").glob("*-*"))
    for row in upgraded.of("running:"):
        film = upgraded.signed_in(row["owner"]).get(f"/g/{row['public_id']}/video.mp4")
        assert hashlib.sha256(film.content).hexdigest() == upgraded.remote.videos()[row["id"]]["sha256"]


def what_waited_is_sent_once_sending_goes_on(upgraded):
    assert upgraded.post("max", "/resume").status_code == 404, "only the owner may"
    assert upgraded.post("olga", "/resume").status_code == 302
    waiting = {row["public_id"] for row in upgraded.of("queued:")}
    sent = lambda: {upgraded.statuses()[one] for one in waiting} == {"ready"}  # noqa: E731
    wait_until(sent, 60, "what was queued to be sent and saved", every=0.5)
    assert upgraded.statuses()[upgraded.of("demo: queued")[0]["public_id"]] == "queued", "it was made in demo mode"


def decisions_can_still_be_made(upgraded):
    """What only a person decides still works: the stopped one is checked again, the unknown one resolved."""
    stopped, unknown = upgraded.of("stopped:")[0], upgraded.of("unknown: connection")[0]
    trashed = upgraded.of("ready: in the trash")[0]
    upgraded.post("olga", f"/g/{stopped['public_id']}/check")
    upgraded.post("olga", f"/g/{unknown['public_id']}/not-made")
    upgraded.post("olga", f"/g/{trashed['public_id']}/restore")
    wait_until(lambda: upgraded.statuses()[stopped["public_id"]] == "ready", 60, "the stopped one", every=0.5)
    rows = {row["public_id"]: row for row in upgraded.rows()}
    assert rows[unknown["public_id"]]["status"] == "cancelled"
    assert rows[unknown["public_id"]]["videos_held"] == 0
    assert not rows[trashed["public_id"]]["is_trashed"]


def test_the_column_that_search_reads_can_be_removed_again_with_its_index(tmp_path):
    """SQLite: the triggers that keep the index read it."""
    env = environment(STUDIO_DATA=tmp_path, DATABASE_URL="")
    for name in ("0014", "0013", "0014"):
        manage("migrate", "videos", name, "--noinput", "-v", "0", env=env)


@pytest.mark.django_db
def test_codecs_that_0_1_0_named_by_their_decoder_are_named_by_themselves(owner):
    saved = [make(owner)[0].saved_video for _ in range(3)]
    for row, decoder in zip(saved, ("libdav1d", "h264", "hevc"), strict=True):
        row.codec, row.codec_string = decoder, ""
        row.save()
    name_codecs = import_module("videos.migrations.0009_codecs").name_codecs
    name_codecs(apps, SimpleNamespace(connection=connection))
    for row in saved:
        row.refresh_from_db()
    assert [row.codec for row in saved] == ["av1", "h264", "hevc"]
    assert [(row.codec_name, row.codec_family) for row in saved] == [
        ("AV1", "av1"),
        ("H.264", "h264"),
        ("HEVC", "hvc1"),
    ]
