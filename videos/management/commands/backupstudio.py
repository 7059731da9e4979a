"""`manage.py backupstudio FOLDER`: everything the studio has, while it runs."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage.backup import BackupError, back_up
from videos.storage.download import amount


class Command(BaseCommand):
    help = "Copies database, media and secret key into a new folder. The studio may run meanwhile."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="must not exist yet")

    def handle(self, *, folder: Path, **options):
        try:
            manifest = back_up(folder.resolve())
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        media = f"{manifest['files']} files, {amount(manifest['bytes'])}"
        if manifest["media"] == "in the bucket":
            media = "the media stay in the bucket: back that up by its own means"
        self.stdout.write(f"{folder}: the {manifest['database']} database; {media}. Keep it as safe as the studio.")
