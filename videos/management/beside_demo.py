"""Commands that somebody starts by hand beside a running studio, which may be in demo mode."""

import os
import sys

from django.core.management.base import BaseCommand

from videos.worker.supervisor import environment_beside_a_demo


class CommandBesideDemo(BaseCommand):
    """Starts itself again with the address of the running demo server, if there is one: without it, the command would
    ask HeyGen about videos that were drawn on this machine."""

    def run_from_argv(self, argv):
        if demo := environment_beside_a_demo():
            os.execve(sys.executable, [sys.executable, *argv], os.environ | demo)
        super().run_from_argv(argv)
