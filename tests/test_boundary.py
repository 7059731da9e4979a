"""The boundary around the remote APIs: no other code knows any of them, and a third one can be added."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.processes import ROOT, environment
from tests.parts.standin import Standin
from tests.parts.studio import copy_sqlite

OURS = Path(ROOT) / "videos"
# Paths, fields and words that belong to one API. `aspect_ratio`, `prompt` and the like belong to us as well, and the
# form's own field names (reference_image_url, tail_image_url) are the studio's contract with the outside.
WORDS = re.compile(
    r"/v[123]/|workflows/executions|execution_id|workflow_type|GenerateVideoNode|node-gw|X-Api-Key|Idempotency-Key"
    r"|idempotency-key|request_in_progress|heygen-video-1|image_to_video|text_to_video|prompt_enhancement|billing_type"
    r"|premium_credits|remaining_balance|download_failed|content_policy_violation|insufficient_credit|failure_code"
    r"|generation_failed|heygen_workflows|heygen_models",
    re.IGNORECASE,
)
KNOW_AN_API = {"remotes", "standin", "migrations"}


def sources():
    """Code, pages and scripts outside of the packages that may know an API."""
    for folder, ending in ((OURS, "*.py"), (ROOT / "templates", "*.html"), (ROOT / "static", "*.js")):
        for path in Path(folder).rglob(ending):
            if not KNOW_AN_API & set(path.relative_to(ROOT).parts):
                yield path


def test_no_path_field_or_word_of_an_api_is_known_outside():
    found = {}
    for path in sources():
        words = sorted({match[0] for match in WORDS.finditer(path.read_text())})
        if words:
            found[str(path.relative_to(ROOT))] = words
    assert found == {}


def test_only_the_interface_the_errors_the_transport_and_the_registry_are_imported():
    allowed = {
        "async_transport",
        "base",
        "errors",
        "transport",
        "registry",
        "keys",
    }  # keys: an owner stores one, and everybody may see that
    for path in OURS.rglob("*.py"):
        if "remotes" in path.parts or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("videos.remotes"):
                names = {alias.name for alias in node.names} if node.module == "videos.remotes" else {node.module[15:]}
                assert names <= allowed, (path, names)


def test_the_boundary_itself_imports_nothing_of_ours():
    for path in (OURS / "remotes").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("videos"):
                assert (node.module or "").startswith("videos.remotes") or node.names[0].name == "remotes", path


# A third API
DRIVE = """
import asyncio, json, time, uuid
from django.contrib.auth.models import User
from django.utils import timezone
from tests.parts.generations import picture
from videos.engine import poll_outcomes
from videos.engine.account_check import check_accounts
from videos.engine.save import save
from videos.engine.submit import submit
from videos.models import Batch, Generation, Provider, RemoteAccount, Request
from videos.remotes import async_transport

def poll(generation):
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
    async def ask(due):
        async with async_transport.open_session() as session:
            return await generation.remote.poll_async(session, due.remote_id)
    for due in Generation.objects.claim_due_polls(timezone.now(), 10):
        Generation.objects.record_outcomes([poll_outcomes.judge(due, asyncio.run(ask(due)), timezone.now())])

owner = User.objects.create_superuser("owner")
provider = Provider.objects.get(value="dream_1")
frame = picture(by=owner)
requests = [Request(prompt, provider, start_frame=frame) for prompt in ("a lighthouse", "it fails")]
check_accounts()
batch = Batch.objects.make(owner, uuid.uuid4().hex, requests)
deadline = time.monotonic() + 240
done = []
while time.monotonic() < deadline and len(done) < 2:
    done = []
    for generation in batch.generations.order_by("pk"):
        if generation.status == "queued":
            submit(generation.pk)
        elif generation.status == "running":
            poll(generation)
        elif generation.status == "saving":
            save(generation.pk)
        else:
            done.append(generation)
    time.sleep(0.1)
account = RemoteAccount.objects.get(backend="dreamlane")
print(json.dumps({
    "statuses": [generation.status for generation in done],
    "message": done[1].error_message if len(done) > 1 else "",
    "plan": account.plan,
    "copies": sum(generation.start_frame.remote_copies.exclude(address="").count() for generation in done),
}))
"""


@pytest.fixture
def scratch(tmp_path):
    """A copy of the repository with three files more: the module, its demo contract, and a migration."""
    copy, fixture = tmp_path / "copy", Path(ROOT) / "tests" / "third_backend"
    ignore = shutil.ignore_patterns("node_modules", "data", ".venv", ".git", "*.pyc.*")  # half-written ones go
    for name in ("videos", "heygen_studio", "templates", "static", "tests"):
        shutil.copytree(Path(ROOT) / name, copy / name, ignore=ignore)
    shutil.copy(Path(ROOT) / "manage.py", copy)
    shutil.copy(fixture / "remote.py", copy / "videos" / "remotes" / "dreamlane.py")
    shutil.copy(fixture / "demo.py", copy / "videos" / "standin" / "apis" / "dreamlane.py")
    last = sorted(path.stem for path in (copy / "videos" / "migrations").glob("0*.py"))[-1]
    migration = (fixture / "migration.py").read_text().replace("LAST", last)
    (copy / "videos" / "migrations" / "9999_dreamlane.py").write_text(migration)
    return copy


def run(copy, *arguments, **env):
    env = {**environment(**env), "PYTHONPATH": str(copy)}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_third_api_fits_with_its_module_its_demo_contract_and_a_migration(scratch, template, tmp_path):
    """The database has every table already, so that only the new migration runs."""
    server = Standin(tmp_path / "standin", cwd=scratch)
    (tmp_path / "data").mkdir()
    copy_sqlite(template.data, tmp_path / "data")
    env = {
        "STUDIO_DATA": tmp_path / "data",
        "DATABASE_URL": "",
        "REMOTE_DREAMLANE_URL": server.url,
        "REMOTE_DREAMLANE_KEY": "a-token",
        "HEYGEN_API_URL": server.url,
        "HEYGEN_UPLOAD_URL": server.url,
    }
    try:
        run(scratch, "migrate", "--noinput", "-v", "0", **env)
        assert "No changes detected" in run(scratch, "makemigrations", "--check", "--dry-run", **env)
        said = json.loads(run(scratch, "shell", "-v", "0", "-c", DRIVE, **env).strip().splitlines()[-1])
        paid = server.ledger()
    finally:
        server.stop()
    assert said["statuses"] == ["ready", "failed"]
    assert said["message"].startswith("The provider failed to make this video. Dreamlane may have charged for it")
    assert (said["plan"], said["copies"]) == ("dreamer", 0)
    assert [row["api"] for row in paid] == ["dreamlane", "dreamlane"]
    assert all(row["frames"]["start"] for row in paid)
