"""`manage.py restorestudio FOLDER`: restores a backup into a fresh studio."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage.backup import BackupError, restore
from videos.storage.private import make_data_folder_private


class Command(BaseCommand):
    help = (
        "Fills a fresh studio (STUDIO_DATA, DATABASE_URL) from a folder that backupstudio made. Stop the studio first."
    )

    # The database has no tables yet, and the checks of a studio in use would say so.
    requires_migrations_checks = False
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="a folder that backupstudio has made")

    def handle(self, *, folder: Path, **options):
        try:
            manifest = restore(folder.resolve())
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        make_data_folder_private()
        self.stdout.write(
            f"Restored as of {manifest['made_at']}. `manage.py checkstudio --deep` checks that every file is complete."
        )
