#!/usr/bin/env python3
"""Django's command line for HeyGen Studio. It finds the studio's own environment, .venv, by itself."""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
OWN_PYTHON = FOLDER / ".venv" / "bin" / "python"


def start_in_own_environment(missing: str):
    """Runs this command again with the Python that `make install` has prepared, or says what to do."""
    if sys.version_info < (3, 11):  # noqa: UP036 – whoever runs this with an older one is told so
        missing = "Python 3.11 or newer"
    is_own = Path(sys.prefix).resolve() == OWN_PYTHON.parent.parent.resolve()
    if OWN_PYTHON.exists() and not is_own:
        os.execv(OWN_PYTHON, [str(OWN_PYTHON), *sys.argv])
    sys.exit(f"HeyGen Studio is not installed here: {missing} is missing. Run `make -C {FOLDER} install` first.")


try:
    import django
    from dj_database_url import ParseError, UnknownSchemeError
    from django.core.management import execute_from_command_line
    from environs import EnvError
except ImportError as error:
    start_in_own_environment(error.name or str(error))

from heygen_studio import __version__  # noqa: E402


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heygen_studio.settings")
    if sys.argv[1:] in (["--version"], ["version"]):  # Django's own answer is the version of Django
        python = ".".join(map(str, sys.version_info[:3]))
        sys.stdout.write(f"HeyGen Studio {__version__} (Django {django.__version__}, Python {python})\n")
        return
    try:
        execute_from_command_line(sys.argv)
    except EnvError as error:
        sys.exit(f"The configuration has a fault. {error}")
    except (ParseError, UnknownSchemeError):  # whose own words would repeat the address, and the password in it
        sys.exit("The configuration has a fault. DATABASE_URL is not the address of a database.")
    except ModuleNotFoundError as error:  # installed by an earlier version, or only in part
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "videos", "heygen_studio"}:
            raise
        start_in_own_environment(missing)


if __name__ == "__main__":
    main()
