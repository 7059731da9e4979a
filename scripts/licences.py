"""Writes docs/licences.md: the licence of everything that ships. `make lock` runs it, in the studio's environment."""

import re
from importlib.metadata import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)", re.MULTILINE)
HEAD = """# Licences

HeyGen Studio is released under the [MIT licence](../LICENSE). It includes these third-party works:

| What | Licence | Where |
|---|---|---|
| Inter, a font | SIL Open Font License 1.1 | `static/fonts/inter.woff2`, with its licence next to it |
| Lucide, icons | ISC | copied into pages, from the package `lucide` |
| htmx | BSD Zero Clause | sent to browsers, from the package `django-htmx` |

It installs these packages. Each comes with its licence:

| Package | Licence |
|---|---|
"""
FOOT = """
The wheels of `av`, `pi-heif` and `psycopg-binary` also contain compiled libraries: FFmpeg with x264 and x265 (both
GPL), libheif and libde265 (LGPL), OpenSSL (Apache-2.0) and others. None of them is in this repository; pip downloads
them. If you distribute a container image that you built, you also distribute these libraries, under their licences.
"""


def licence_of(name: str) -> str:
    """The licence that the package names, in a few words."""
    facts = metadata(name)
    kinds = [
        line.rsplit(" :: ", 1)[1] for line in facts.get_all("Classifier") or [] if line.startswith("License :: OSI")
    ]
    said = facts.get("License-Expression") or ", ".join(kinds) or (facts.get("License") or "").strip()
    return said.splitlines()[0] if said else "see the package"


def main():
    lock = (ROOT / "requirements" / "run.txt").read_text()
    rows = [f"| {name} | {licence_of(name)} |\n" for name, _ in PINNED.findall(lock) if not is_foreign(name)]
    (ROOT / "docs" / "licences.md").write_text(HEAD + "".join(rows) + FOOT)


def is_foreign(name: str) -> bool:
    """Whether it is locked for another system only, and is not installed here."""
    try:
        metadata(name)
    except ModuleNotFoundError:
        return True
    return False


if __name__ == "__main__":
    main()
