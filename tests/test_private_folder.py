"""The data folder, and everything in it, is readable by the user of the studio alone."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from tests.parts.processes import wait_until
from tests.parts.worker_processes import generate, rows
from videos.storage.folders import make_folder
from videos.storage.private import make_data_folder_private


@pytest.fixture
def old_folder(settings):
    """As version 0.1.0 left it, and links that lead out of it."""
    data = Path(settings.DATA)
    for name in ("studio.sqlite3", "media/videos/ab/one.mp4", "static/studio.css", "pump/beat", "standin/port"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("x")
        (data / name).chmod(0o644)
    for folder in data.rglob("*/"):
        folder.chmod(0o755)
    data.chmod(0o755)
    (data / "linked").symlink_to("/etc/hosts")
    return data


def modes(folder):
    found = {path: mode_of(path) for path in [folder, *folder.rglob("*")] if not path.is_symlink()}
    return {path: mode for path, mode in found.items() if mode is not None}


def mode_of(path):
    """None if a running studio has removed it meanwhile."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder):
    return [str(path) for path, mode in modes(folder).items() if mode & 0o077]


def test_an_older_folder_is_made_private_and_what_it_links_to_is_not_touched(old_folder):
    before = Path("/etc/hosts").stat().st_mode
    make_data_folder_private()
    assert open_to_others(old_folder) == []
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes(old_folder).items())
    assert Path("/etc/hosts").stat().st_mode == before


def test_an_interrupted_repair_starts_again(old_folder):
    (old_folder / "studio.sqlite3").chmod(0o600)
    old_folder.chmod(0o700)
    make_data_folder_private()
    assert open_to_others(old_folder) == []


def test_where_nginx_sends_the_files_its_group_may_read_them_and_nothing_else(old_folder, settings):
    settings.ACCEL_LOCATION = "/kept/"
    settings.MEDIA_ROOT = old_folder / "media"
    make_data_folder_private()
    make_folder(old_folder / "media" / "videos" / "cd")
    for path, mode in modes(old_folder).items():
        if path == old_folder:
            assert mode == 0o710, "to pass through, not to look around"
        elif path.is_relative_to(old_folder / "media"):
            assert mode == (0o750 if path.is_dir() else 0o640), path
        else:
            assert not mode & 0o077, path


def test_nothing_that_a_running_studio_writes_is_open_to_others(new_studio):
    studio = new_studio(HEYGEN_API_KEY=None, HEYGEN_API_URL=None, HEYGEN_UPLOAD_URL=None)
    for path in [studio.data, *studio.data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    old_umask = os.umask(0o022)
    try:
        studio.start()
    finally:
        os.umask(old_umask)
    generate(studio, ["a lighthouse"])
    wait_until(lambda: rows(studio)[0]["status"] == "ready", 90)
    assert open_to_others(studio.data) == []
    assert len(modes(studio.data)) > 40
