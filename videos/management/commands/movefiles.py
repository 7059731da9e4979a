"""`manage.py movefiles <folder>`: moves media from a folder to the bucket that STUDIO_BUCKET names."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from videos.storage.move_files import CannotMove, move


class Command(BaseCommand):
    help = "Copies every saved video and picture from a folder into the studio's bucket, and compares them by hashes."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="the old folder, such as data/media")

    def handle(self, *, folder: Path, **options):
        try:
            moved = move(folder.absolute(), self.stdout.write)
        except CannotMove as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{moved.files:,} files ({moved.size:,} bytes) are in the bucket; {moved.known:,} were before."
        )
        if moved.missing or moved.changed:
            self.stderr.write(
                f"{len(moved.missing)} are missing and {len(moved.changed)} have changed in the folder: "
                "`manage.py checkstudio --repair` fetches again what the remote still has."
            )
            raise SystemExit(1)
