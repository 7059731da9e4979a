"""`manage.py doctor`: says what is wrong with this studio and what to do. Exits with 1 if something is wrong."""

import sys

from videos.management.beside_demo import CommandBesideDemo
from videos.monitoring.diagnosis import Level, diagnose


class Command(CommandBesideDemo):
    help = (
        "Looks at settings, data folder, database, storage, disk, worker, API key, clock, backups and webhooks, and "
        "says what is wrong and what to do. Costs nothing. Exits with 1 when something is wrong."
    )
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("--offline", action="store_true", help="contact no remote API, and do not check the clock")

    def handle(self, *, offline: bool, **options):
        is_bad = False
        for part, finding in diagnose(online=not offline):
            is_bad |= finding.level == Level.BAD
            self.stdout.write(f"{finding.level:<5} {part}: {finding.words}")
            if finding.advice:
                self.stdout.write(f"      → {finding.advice}")
        if is_bad:
            sys.exit(1)
