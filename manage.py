#!/usr/bin/env python
"""Django's command line for HeyGen Studio."""

import os
import sys

from django.core.management import execute_from_command_line


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heygen_studio.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
