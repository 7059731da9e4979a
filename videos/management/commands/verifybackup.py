"""`manage.py verifybackup FOLDER`: checks that a backup can be restored."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage.backup import BackupError
from videos.storage.verified_backup import verify


class Command(BaseCommand):
    help = (
        "Restores the database of a backup into a scratch one, reads it, and looks for every saved video that it "
        "names. The studio itself is not touched."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="a folder that backupstudio has made")

    def handle(self, *, folder: Path, **options):
        try:
            proof = verify(folder.resolve())
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{folder} can be restored: {proof['users']} users, {proof['generations']} generations, "
            f"{proof['videos']} saved videos."
        )
