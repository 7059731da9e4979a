#!/usr/bin/env python
"""Django's command line for HeyGen Studio."""

import os
import sys
from platform import python_version

import django
from dj_database_url import ParseError, UnknownSchemeError
from django.core.management import execute_from_command_line
from environs import EnvError

from heygen_studio import __version__


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heygen_studio.settings")
    if sys.argv[1:] in (["--version"], ["version"]):  # Django's own answer is the version of Django
        sys.stdout.write(f"HeyGen Studio {__version__} (Django {django.__version__}, Python {python_version()})\n")
        return
    try:
        execute_from_command_line(sys.argv)
    except EnvError as error:
        sys.exit(f"The configuration has a fault. {error}")
    except (ParseError, UnknownSchemeError):  # whose own words would repeat the address, and the password in it
        sys.exit("The configuration has a fault. DATABASE_URL is not the address of a database.")


if __name__ == "__main__":
    main()
