"""Collecting the static files at a start, only where they differ from what was collected before."""

import json
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from heygen_studio.static_storage import as_sent


def collect_static_files():
    """Collects them if a file is missing or its content differs.

    Contents are compared, not times: after a return to an earlier image, the files of that image are the older ones.
    Outdated copies are removed first, because collectstatic keeps a copy that is newer than its source.
    """
    root = Path(settings.STATIC_ROOT)
    outdated = [name for name, source in sources() if not is_copy(name, root / name, source)]
    if not outdated and lists_every_file(root / "staticfiles.json"):
        return
    for name in outdated:
        (root / name).unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)


def sources() -> Iterator[tuple[str, Path]]:
    """The name and path of each static file."""
    for finder in get_finders():
        for name, storage in finder.list(None):
            yield name, Path(storage.path(name))


def is_copy(name: str, copy: Path, source: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == as_sent(name, source.read_bytes())


def lists_every_file(manifest: Path) -> bool:
    """Whether collecting was finished: the manifest is written last."""
    try:
        names = set(json.loads(manifest.read_text())["paths"])
    except (OSError, ValueError, KeyError):
        return False
    return all(name in names for name, _ in sources())
