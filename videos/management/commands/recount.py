"""`manage.py recount`: computes every stored total again from the rows."""

from django.core.management.base import BaseCommand

from videos.models.recount import differences, recount


class Command(BaseCommand):
    help = "Computes budgets' use, usage by day, storage and providers' records again. The studio may keep running."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="only report differences; exits with 1 if any")

    def handle(self, *, check: bool, **options):
        found = differences()
        for sentence in found:
            self.stdout.write(sentence)
        if check and found:
            raise SystemExit(1)
        if found:
            recount()
        self.stdout.write("All stored totals agree with the rows." if not found else "Computed again from the rows.")
