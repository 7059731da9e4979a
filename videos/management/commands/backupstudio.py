"""`manage.py backupstudio [FOLDER]`: backs up the whole studio while it runs."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage import verified_backup
from videos.storage.backup import BackupError, back_up
from videos.text import bytes_in_words


class Command(BaseCommand):
    help = (
        "Copies the database, media and secret key to a new folder. The studio may keep running. Without a folder, it "
        "makes the nightly backup of STUDIO_BACKUP_FOLDER and STUDIO_BACKUP_BUCKET now."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, nargs="?", help="a folder that does not exist yet")

    def handle(self, *, folder: Path | None, **options):
        try:
            if folder is None:
                self.make_nightly()
            else:
                self.make(folder)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error

    def make_nightly(self):
        if not verified_backup.is_wanted():
            raise CommandError("Name a new folder, or set STUDIO_BACKUP_FOLDER or STUDIO_BACKUP_BUCKET.")
        for destination in verified_backup.destinations():
            proof = verified_backup.make_in(destination)
            self.stdout.write(
                f"{destination}: backed up, restored into a scratch database, and read: "
                f"{proof['generations']} generations, {proof['videos']} saved videos."
            )

    def make(self, folder: Path):
        manifest = back_up(folder.resolve())
        media = f"{manifest['files']} files, {bytes_in_words(manifest['bytes'])}"
        if manifest["media"] == "in the bucket":
            media = "the media stay in the bucket: back it up with its own tools"
        self.stdout.write(f"{folder}: the {manifest['database']} database; {media}. Keep it as safe as the studio.")
