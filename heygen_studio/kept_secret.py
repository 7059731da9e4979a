"""A secret that the studio makes for itself and keeps in a file."""

import os
from pathlib import Path
from secrets import token_hex, token_urlsafe


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use. Only its owner can read the file, which is complete from the start."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{token_hex(4)}")
        with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secret counts
        finally:
            draft.unlink()
    return path.read_text().strip()
