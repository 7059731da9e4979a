"""The version is the same everywhere."""

import re
import tomllib

from heygen_studio import __version__
from tests.parts.processes import ROOT, environment, manage


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
