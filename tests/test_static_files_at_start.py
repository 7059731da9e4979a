"""At a start the static files are collected where they differ, whichever version of the studio is the newer one."""

import json
import os
import time

import pytest

from videos.worker.static_files import collect_static_files

NAME = "studio/main.js"


@pytest.fixture
def source(tmp_path, settings):
    """The only static file, not collected yet."""
    path = tmp_path / "source" / NAME
    path.parent.mkdir(parents=True)
    path.write_text("'of 0.2.0';")
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "heygen_studio.static_storage.StaticStorage"},
    }
    return path


def served(settings):
    """The content that a page would be sent."""
    paths = json.loads((settings.STATIC_ROOT / "staticfiles.json").read_text())["paths"]
    return (settings.STATIC_ROOT / paths[NAME]).read_text()


def test_files_of_an_earlier_version_are_collected_although_they_are_older(source, settings):
    """As when a container goes back to the image of before, whose files were there long before the collection."""
    collect_static_files()
    assert served(settings) == "'of 0.2.0';"
    source.write_text("'of 0.1.0';")
    os.utime(source, (1_000_000_000, 1_000_000_000))
    later = time.time() + 60
    os.utime(settings.STATIC_ROOT / "staticfiles.json", (later, later))
    collect_static_files()
    assert served(settings) == "'of 0.1.0';"
    assert_nothing_is_collected(settings)


def assert_nothing_is_collected(settings):
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    before = manifest.stat().st_mtime_ns
    collect_static_files()
    assert manifest.stat().st_mtime_ns == before


def test_an_interrupted_collection_starts_again(source, settings):
    collect_static_files()
    (settings.STATIC_ROOT / "staticfiles.json").unlink()
    collect_static_files()
    assert served(settings) == "'of 0.2.0';"


def test_nothing_is_collected_again_if_nothing_differs(source, settings):
    collect_static_files()
    assert_nothing_is_collected(settings)
