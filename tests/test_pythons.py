"""Every Python that the README promises installs the same lock, starts a studio and saves a video.

`make test` does it on the Python that it runs on, `make test-pythons` on every one that is on this machine.
"""

import json
import re
import secrets
import sys

import pytest

from tests.parts.processes import ROOT, wait_until
from tests.parts.pythons import OURS, PROMISED, RUN, TEST, TRIED, environment_of, find, missing
from tests.parts.studio import csrf_token
from tests.pythons import __main__ as matrix

PROMPT = "a lighthouse for every Python"
SAVED = """
import json
from videos.models import SavedVideo
print(json.dumps(list(SavedVideo.objects.values_list("codec", "width", "height", "seconds"))))
"""


@pytest.mark.parametrize("lock", [RUN, TEST], ids=lambda path: path.name)
def test_the_lock_names_one_version_of_each_package_for_every_python(lock):
    """A lock that differs by Python is tested on one of them only: no video was ever saved on 3.12 and 3.13."""
    pinned = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)", lock.read_text(), re.MULTILINE)
    names = [name for name, _ in pinned]
    assert len(names) > 20
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("page", ["README.md", "docs/installation.md"])
def test_the_promised_versions_are_the_tested_ones(page):
    promise = f"Python {', '.join(PROMISED[:-1])} or {PROMISED[-1]}"
    assert promise in (ROOT / page).read_text()
    assert set(re.findall(r"\b3\.\d\d\b", (ROOT / page).read_text())) == set(PROMISED)


@pytest.mark.timeout(600)  # a version that is new here is installed first
@pytest.mark.parametrize(
    "version",
    [pytest.param(version, marks=() if version == OURS else pytest.mark.pythons) for version in (*PROMISED, *TRIED)],
)
def test_every_promised_python_saves_a_demo_video(version, new_studio):
    python = python_of(version)
    studio = new_studio(HEYGEN_API_KEY=None, HEYGEN_API_URL=None, HEYGEN_UPLOAD_URL=None)
    studio.command = [python, "manage.py", "studio"]
    studio.make_owner()
    studio.start(90)
    client = studio.client()
    fields = {
        "prompt": PROMPT,
        "provider": "ltx_distilled",
        "aspect_ratio": "16:9",
        "count": "1",
        "token": secrets.token_urlsafe(24),
        "csrfmiddlewaretoken": csrf_token(client, "/"),
    }
    assert client.post("/generate", data=fields, headers={"Referer": studio.url}).status_code == 200
    [(codec, width, height, seconds)] = wait_until(lambda: saved_videos(studio), 120, f"a saved video\n{studio.log}")
    assert (codec, seconds > 1) == ("h264", True)
    assert width / height == pytest.approx(16 / 9, abs=0.01)


def test_a_version_that_fails_is_in_the_table_and_the_others_still_run(monkeypatch, capsys):
    ran = []

    def passes(python, arguments, version):
        ran.append(version)
        return version != "3.12"

    monkeypatch.setattr(matrix, "find", lambda version: None if version == "3.14" else f"/usr/bin/python{version}")
    monkeypatch.setattr(matrix, "environment_of", lambda version, interpreter, lock: interpreter)
    monkeypatch.setattr(matrix, "passes", passes)
    assert matrix.main(["3.11", "3.12", "3.13", "3.14"]) == 1
    assert list(dict.fromkeys(ran)) == ["3.11", "3.12", "3.13"]
    table = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.partition("Python  result\n")[2].splitlines()
    )
    assert table["3.12"].startswith("FAILED: a demo video was saved, quick tests (")
    assert table["3.13"].startswith("passed: a demo video was saved, quick tests (")
    assert table["3.14"].startswith("NOT TESTED")
    assert matrix.main(["3.13", "3.14"]) == 0


def python_of(version):
    """This very Python where it is the one, else an environment of its own. Skips, in words, where there is none."""
    if version == OURS:
        return sys.executable
    interpreter = find(version)
    if interpreter is None:
        pytest.skip(missing(version))
    return environment_of(version, interpreter)


def saved_videos(studio):
    return json.loads(studio.manage("shell", "-v", "0", "-c", SAVED))
