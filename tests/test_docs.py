"""Everything that the documentation names exists: files, headings, commands, settings, states, and packages."""

import re
import secrets
from configparser import ConfigParser

import pytest

from tests.benchmarks import capacity
from tests.parts.processes import ROOT
from videos.lifecycle import MOVES, Status
from videos.models import Generation

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
SETTINGS = (ROOT / "heygen_studio" / "settings.py").read_text()
# What compose.yaml reads
OF_OTHERS = {"STUDIO_PUBLISH", "STUDIO_USER", "STUDIO_IMAGE"}
CONFIGURES = re.compile(r"\b((?:STUDIO|HEYGEN)_[A-Z0-9_]*[A-Z0-9])\b")


def every(pages=PAGES):
    return pytest.mark.parametrize("page", pages, ids=lambda path: path.name)


def anchors(path):
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every()
def test_every_link_leads_somewhere(page):
    broken = []
    for target, anchor in LINK.findall(page.read_text()):
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_every_page_is_in_the_list_of_pages():
    listed = (DOCS / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page.name not in listed] == []


@every()
def test_every_make_target_and_management_command_exists(page):
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    ours = {path.stem for path in (ROOT / "videos" / "management" / "commands").glob("[a-z]*.py")}
    djangos = {"migrate", "collectstatic", "check", "createsuperuser", "changepassword", "shell", "makemigrations"}
    named = set(re.findall(r"`?\bmake (?:-C \S+ |[A-Z]+=\S+ )*([a-z][a-z-]+)\b[` \n]", code_of(text)))
    assert named <= targets, named - targets
    commands = set(re.findall(r"manage\.py ([a-z]+)", text))
    assert commands <= ours | djangos, commands - ours - djangos


def code_of(text):
    """Only words in code: `make` is also an English word."""
    found = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    return "".join(f"{block or inline}\n" for block, inline in found)


def test_every_setting_is_documented_and_nothing_else_is():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', SETTINGS))
    assert len(read) > 30
    rows = [line for page in (DOCS / "configuration.md", ROOT / "README.md") for line in table_rows(page)]
    documented = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row.split("|")[1])}
    documented |= {name for row in rows for name in re.findall(r"`(AWS_[A-Z0-9_]+)`", row)}
    assert read - documented == set(), "read by settings.py, and not in docs/configuration.md"
    assert documented - read == set(), "in docs/configuration.md, and not read by settings.py"


def table_rows(page):
    return [line for line in page.read_text().splitlines() if line.startswith("| `")]


@every()
def test_every_setting_that_is_named_is_read(page):
    named = set(CONFIGURES.findall(page.read_text()))
    assert {name for name in named - OF_OTHERS if f'"{name}"' not in SETTINGS} == set()


def test_the_drawing_of_the_states_has_every_move():
    text = (DOCS / "how-it-works.md").read_text()
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", text, re.MULTILINE))
    moves = {(source.value, target.value) for target, sources in MOVES.items() for source in sources}
    assert drawn == moves
    assert {status.value for status in Status} <= set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@every(sorted(DOCS.glob("systemd/*.service")))
def test_the_systemd_units_start_existing_programs(page):
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(page.read_text())
    service = unit["Service"]
    python = f"{service['WorkingDirectory']}/.venv/bin/python"
    program, *arguments = service["ExecStart"].split()
    assert program == python
    assert arguments[:2] in (["manage.py", "studio"], ["manage.py", "worker"], ["-m", "gunicorn"])
    assert service["KillMode"] == "mixed", "SIGTERM goes to the main process alone"


def test_the_list_of_licences_has_every_package():
    locked = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==", (ROOT / "requirements" / "run.txt").read_text(), re.M)
    listed = set(re.findall(r"^\| ([a-z0-9][\w.-]*) \|", (DOCS / "licences.md").read_text(), re.MULTILINE))
    assert set(locked) - listed <= {"tzdata", "colorama"}, "Run: make lock"


@pytest.mark.django_db
def test_the_example_of_a_table_can_be_generated(client, owner):
    client.force_login(owner)
    table = re.search(r"```csv\n(.*?)```", (DOCS / "many-at-once.md").read_text(), re.DOTALL)[1]
    reply = client.post("/batch", {"table": table, "action": "generate", "token": secrets.token_urlsafe(24)})
    assert reply.status_code == 302
    assert sorted(Generation.objects.values_list("prompt", flat=True)) == [
        "A lighthouse at dawn, slow dolly in",
        "Fog over a still lake",
        "Fog over a still lake",
    ]


def test_the_capacity_of_a_studio_follows_from_what_was_measured():
    """In the form in which `make bench` leaves the figures in bench.json."""
    page = (DOCS / "growing.md").read_text()

    def figures(work, pattern=r"([\d.]+) "):
        return [float(found) for found in re.search(rf"^\| {work}.*? \| {pattern}", page, re.MULTILINE).groups()]

    of_host = r"([\d.]+) ms of CPU, ([\d.]+) s of a host"
    [click], [poll], [shown] = figures("a click"), figures("a poll"), figures("a page of the gallery")
    [row], send, save = figures("a video's rows"), figures("sending", of_host), figures("saving", of_host)
    results = {
        "machine": {"cores": 2, "processor": "any", "python": "3.11"},
        "click": {"many": {"median_ms": {"a click on Generate": click}}},
        "submit_burst": {"studio_cpu_ms_each": send[0], "studio_ms_each": [1000 * send[1]]},
        "poller_5000": {"runs": [{"cpu_s_per_1000": poll}] * 3},
        "saving": {"studio_cpu_ms_each": save[0], "studio_ms_each": [1000 * save[1]]},
        "page_cpu": {"/": shown},
        "gallery_1m": {"many": {"database_bytes": row * 1e9, "rows": 10**6}},
    }
    _, *tables = capacity.tables(results).split("\n\n")
    assert len(tables) == 2
    for table in tables:
        assert table in page
