"""`manage.py movedatabase <file>`: moves SQLite into the PostgreSQL database that DATABASE_URL names."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage.move_database import CannotMove, move


class Command(BaseCommand):
    help = "Copies every row of a studio's SQLite file into its new PostgreSQL database, and compares them by hashes."

    def add_arguments(self, parser):
        parser.add_argument("source", type=Path, help="the old database, such as data/studio.sqlite3")

    def handle(self, *, source: Path, **options):
        try:
            total = move(source.absolute(), self.stdout.write)
        except CannotMove as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{total:,} rows were moved and compared. Keep {source} until you have checked the studio.")
