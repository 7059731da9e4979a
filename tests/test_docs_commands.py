"""Every command in the documentation is run: in a scratch studio, dry, or by the test that the table names."""

import re
import shlex
import shutil
import subprocess

import httpx
import pytest

from tests.parts.forked_commands import run_forked
from tests.parts.processes import LOOPBACK, ROOT, environment, free_port, start, stop, wait_until
from tests.parts.receiver import Receiver

PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))])
FENCE = re.compile(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
ASSIGNMENT = r'(?:[A-Z_]+=(?:"[^"]*"|\S*) )*'
PORT, TOKEN = free_port(), "a-token-of-the-test"

# A pattern of commands → how they are run. "dry": make says what it would do. "scratch": for real, in a studio of its
# own. "server": for real, against one. A file: its tests run them. Else, a reason why none can.
HOW = {
    ASSIGNMENT + r"make run": "tests/test_make_run.py",
    r"make [a-z-]+": "dry",
    r"sudo make -C /srv/studio install": "tests/test_installing.py",
    r"\.venv/bin/python manage\.py worker": "tests/test_two_workers.py",
    r".*manage\.py (?:movedatabase|movefiles) .*": "tests/test_move.py",
    r".*manage\.py removesecondfactor .*": "tests/test_second_factor.py",
    r"(?:\./|\.venv/bin/python )manage\.py (?!worker|movedatabase|removesecondfactor).*": "scratch",
    r"\.venv/bin/python -m gunicorn .*": "server",
    r"curl .*": "server",
    r"\.venv/bin/python -m pytest .*": "it is how this very test is run",
    r"docker compose .*": "tests/container/test_image.py",
    r"git pull": "it fetches from the repository's own host",
    r"sudo (?:useradd|install|cp|systemctl) .*": "it changes the machine; tests/test_docs.py reads the units",
    r"\.venv/bin/(?:ruff|djlint) .*": "it writes into the checkout; `make lint` checks the same",
    r'[A-Z_]+=(?:"[^"]*"|\S*)': "a line of a file of settings; tests/test_docs.py compares their names",
}


def commands_of(page):
    """Its commands, one a line, without comments."""
    for block in FENCE.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            commands = re.sub(r"\s+#.*$", "", line).split(" && ")
            yield from (one.strip() for one in commands if one.strip() and not one.strip().startswith("#"))


def way_of(command):
    return next((way for pattern, way in HOW.items() if re.fullmatch(pattern, command)), None)


ALL = [(page.name, command) for page in PAGES for command in commands_of(page)]


def those(way):
    return list(dict.fromkeys(command for _, command in ALL if way_of(command) == way))


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_is_in_the_table(page, command):
    assert way_of(command), f"docs: say in HOW how `{command}` is run"
    shlex.split(command)


def test_every_row_of_the_table_has_a_command_and_every_named_test_exists():
    unused = [pattern for pattern in HOW if not any(re.fullmatch(pattern, command) for _, command in ALL)]
    assert unused == []
    assert [way for way in HOW.values() if way.startswith("tests/") and not (ROOT / way).is_file()] == []


@pytest.mark.parametrize("command", [command for _, command in ALL if " -m pytest " in command])
def test_the_tests_that_a_command_names_exist(command):
    [name] = re.findall(r"tests/[^\s:]+", command)
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("command", those("dry"))
def test_make_knows_what_to_do(command):
    done = shell(command.replace("make ", "make --dry-run ", 1), environment())
    assert done.returncode == 0, done.stderr


def shell(command, env, **options):
    return subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, **options
    )


@pytest.fixture
def scratch(template, tmp_path):
    """The environment of a studio of its own, and the folders that the documentation's paths stand for.

    Its database and static files are copies of what the same commands have made in an empty folder.
    """
    people = {"DJANGO_SUPERUSER_USERNAME": "owner", "DJANGO_SUPERUSER_PASSWORD": "a-long-pass-phrase"}
    data = tmp_path / "data"
    shutil.copytree(template.data, data)
    data.chmod(0o700)
    return environment(
        STUDIO_DATA=data,
        DATABASE_URL="",
        STUDIO_BACKUP_FOLDER=tmp_path / "nightly",
        DJANGO_SUPERUSER_EMAIL="owner@example.com",
        **people,
    )


ORDER = ("migrate", "collectstatic", "check", "createsuperuser", "backupstudio /path", "backupstudio", "checkstudio")


def place_of(command):
    """Commands that make something come before those that need it."""
    return next((place for place, word in enumerate(ORDER) if word in command), len(ORDER))


def made_real(command, folder):
    """The same, with the paths of the test, and with answers given in advance."""
    command = re.sub(r"/path/to/[a-z-]+", str(folder / "backup"), command)
    command = re.sub(r"\bNAME\b", "owner", command)
    if "createsuperuser" in command:
        command += " --noinput"
    if "makemigrations" in command:
        command += " --check --dry-run"
    return command


def test_every_command_for_a_studio_works_in_a_scratch_one(scratch, tmp_path):
    receiver = Receiver()
    scratch["STUDIO_NOTIFY_URLS"] = receiver.url.replace("http://", "json://")
    try:
        run_all(scratch, tmp_path)
    finally:
        receiver.close()
    assert len(receiver.taken) > 0, "sendnotices --test sends"


def run_all(scratch, tmp_path):
    commands = [made_real(command, tmp_path) for command in sorted(those("scratch"), key=place_of)]
    forked = [command for command in commands if not needs_a_shell(command)]
    results = dict(zip(forked, run_forked([arguments_of(command) for command in forked], scratch), strict=True))
    restored = {**scratch, "STUDIO_DATA": str(tmp_path / "restored")}
    for command in commands:
        done = results.get(command) or shell(command, restored if "restorestudio" in command else scratch)
        allowed = {0, 1} if "doctor" in command else {0}  # no worker runs here, and it says so
        assert done.returncode in allowed, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


def needs_a_shell(command):
    """It restores into another folder, or is the shortest: that one shows that the program starts as it is written."""
    return "restorestudio" in command or command.endswith(" check")


def arguments_of(command):
    """Of `manage.py`, and nothing else: no other program, redirection or variable."""
    program, *arguments = [word for word in shlex.split(command) if word != ".venv/bin/python"]
    assert program.endswith("manage.py") and not re.search(r"[|<>$;&`*?]", command), command
    return arguments


def test_the_web_server_and_the_commands_that_query_it(scratch, tmp_path):
    port, env = free_port(), {**scratch, "STUDIO_METRICS_TOKEN": TOKEN}
    servers = [command for command in those("server") if "gunicorn" in command]
    assert len(servers) == 1
    process = start(shlex.split(servers[0].replace("8000", str(port))), env, tmp_path / "log")
    try:
        wait_until(lambda: answers(port), 30, "the web server")
        for command in those("server"):
            if command.startswith("curl"):
                done = shell(command.replace("8000", str(port)), env)
                assert done.returncode == 0 and ("studio_" in done.stdout or '"ok"' in done.stdout), done
    finally:
        stop(process)


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30, **LOOPBACK)
    except httpx.TransportError:
        return None
