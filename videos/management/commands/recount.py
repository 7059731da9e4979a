"""`manage.py recount`: computes every kept sum and count anew from the rows."""

from django.core.management.base import BaseCommand

from videos.models.recount import differences, recount


class Command(BaseCommand):
    help = "Computes budgets' use, usage by day, storage and providers' records anew. The studio may run meanwhile."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="only say what differs; ends with 1 if anything does")

    def handle(self, *, check: bool, **options):
        found = differences()
        for sentence in found:
            self.stdout.write(sentence)
        if check and found:
            raise SystemExit(1)
        if found:
            recount()
        self.stdout.write("Every kept number is what the rows say." if not found else "Computed anew from the rows.")
