"""`manage.py checkstudio`: compares files and rows. Exits with 1 if something is wrong."""

from argparse import SUPPRESS

from django.core.management.base import CommandError

from videos.management.beside_demo import CommandBesideDemo
from videos.models import Picture, SavedVideo
from videos.storage.consistency import CannotRepair, compare, looks_like_another_storage, repair, storage_errors

DONE = "Everything is repaired, or being fetched by the worker"


class Command(CommandBesideDemo):
    help = "Finds saved copies that are missing or changed, files without a row, and abandoned downloads."

    def add_arguments(self, parser):
        parser.add_argument("--deep", action="store_true", help="also read every file and compare its sha256")
        parser.add_argument("--repair", action="store_true", help="repair what can be repaired; nothing is lost")
        parser.add_argument("--force", action="store_true", help="repair even when storage and rows differ widely")
        parser.add_argument("--even-so", dest="force", action="store_true", help=SUPPRESS)  # its name in 0.1.0

    def handle(self, *, deep: bool, **options):
        try:
            findings = compare(is_hashed=lambda pk: deep)
            is_repairing = options["repair"] and self.may_repair(findings, options["force"])
            left = sum(not self.print_outcome(finding, is_repairing) for finding in findings)
        except storage_errors() as error:
            raise CommandError(f"The storage could not be read: {type(error).__name__}.") from error
        looked = f"{SavedVideo.objects.count()} saved copies and {Picture.objects.count()} pictures were checked"
        if left:
            hint = "" if options["repair"] else " Run it with --repair to repair what can be repaired."
            self.stderr.write(f"{looked}; {left} of {len(findings)} findings are not repaired.{hint}")
            raise SystemExit(1)
        self.stdout.write(f"{looked}. {'All is well' if not findings else DONE}.")

    def may_repair(self, findings, force: bool) -> bool:
        if force or not looks_like_another_storage(findings):
            return True
        self.stderr.write(
            "Storage and rows differ widely: is the disk mounted, is this the right bucket, is this the right "
            "database? Nothing is repaired; add --force to repair anyway."
        )
        return False

    def print_outcome(self, finding, is_repairing: bool) -> bool:
        """Prints a finding and its outcome. Returns whether it is repaired."""
        self.stdout.write(str(finding))
        if not is_repairing:
            return False
        try:
            self.stdout.write(f"  {repair(finding)}")
        except CannotRepair as error:
            self.stdout.write(f"  not repaired: {error}")
            return False
        except storage_errors() as error:
            self.stdout.write(f"  not repaired: the storage failed ({type(error).__name__})")
            return False
        return True
