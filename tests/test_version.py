"""The version is the same everywhere."""

import re
import tomllib

import pytest

from heygen_studio import __version__
from tests.parts.people import signed_in
from tests.parts.processes import ROOT, environment, manage
from videos.monitoring import release


def test_package_and_changelog_name_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert (project["version"], newest) == (__version__, __version__)


def test_the_command_line_shows_the_studios_version_and_not_djangos_alone(tmp_path):
    said = manage("--version", env=environment(STUDIO_DATA=tmp_path))
    assert said.startswith(f"HeyGen Studio {__version__} (Django 5.2.")


def test_every_page_shows_the_version_at_its_foot(client, owner):
    client.force_login(owner)
    for path in ("/", "/usage", "/account"):
        foot = re.search(r'<footer class="foot">(.*?)</footer>', client.get(path).text, re.DOTALL)[1]
        assert foot.strip() == f"HeyGen Studio {__version__}"


def test_the_image_has_every_file_of_the_project_that_the_code_reads():
    """The overview reads the changelog, which the image did not have."""
    code = "".join(path.read_text() for folder in ("videos", "heygen_studio") for path in (ROOT / folder).rglob("*.py"))
    read = set(re.findall(r'BASE_DIR / "([^"]+)"', code)) - {"data"}  # the data folder is a volume
    assert read >= {"CHANGELOG.md", "static", "templates", "manage.py"}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert read - let_in == set()


def overview(owner):
    return " ".join(signed_in(owner).get("/admin/").content.decode().split())


def test_the_overview_says_from_which_version_the_studio_was_updated(owner, monkeypatch):
    assert f"· version {__version__} </span>" in overview(owner), "nothing is known yet"
    monkeypatch.setattr(release, "__version__", "0.1.9")
    release.record_start()
    monkeypatch.undo()
    assert "updated from" not in overview(owner), "the note is of another version than the one that runs"
    release.record_start()
    release.record_start()
    assert f"version {__version__}, updated from 0.1.9 since" in overview(owner)


@pytest.mark.parametrize("noted", ["", "[]", "{", '{"version": 7}', "\0"])
def test_a_damaged_record_of_the_version_does_no_harm(owner, noted):
    release.record_file().write_text(noted)
    assert f"version {__version__}" in overview(owner)
    release.record_start()
    assert release.read_record()["version"] == __version__


@pytest.mark.parametrize(
    ("changelog", "waits"),
    [
        ("# Changelog\n\n## 0.10.0 – 2027-01-01\n\n## 0.2.0 – 2026-11-25\n", "0.10.0"),
        (f"# Changelog\n\n## {__version__} – 2026-11-25\n", ""),
        ("## 0.1.0\n", ""),
        ("## next\n", ""),
        (None, ""),
    ],
)
def test_a_newer_version_that_is_installed_waits_for_a_restart(owner, settings, tmp_path, changelog, waits):
    settings.BASE_DIR = tmp_path
    if changelog is not None:
        (tmp_path / "CHANGELOG.md").write_text(changelog)
    assert release.waiting_version() == waits
    assert (f"Version {waits} is installed here, and {__version__} still runs" in overview(owner)) == bool(waits)
