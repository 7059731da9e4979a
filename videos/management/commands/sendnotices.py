"""`manage.py sendnotices`: sends waiting notices, and reports that the worker is down."""

from django.core.management.base import BaseCommand, CommandError

from videos.engine import notices, push
from videos.models.studio_settings import current


class Command(BaseCommand):
    help = (
        "Sends waiting notices to the addresses of STUDIO_NOTIFY_URLS or of the page Settings, also if the worker is "
        "not running. `manage.py studio` does so every two minutes; where it does not run, run it from cron or a timer."
    )

    def add_arguments(self, parser):
        parser.add_argument("--test", action="store_true", help="send a test message")

    def handle(self, *, test: bool, **options):
        if test:
            self.send_test(current().notify_urls.split())
        notices.look_at_worker()
        notices.send()

    def send_test(self, addresses: list[str]):
        if not addresses:
            raise CommandError("There is no address. Set STUDIO_NOTIFY_URLS, or add one on the Settings page.")
        outcomes = push.outcomes(addresses, "a test", "Notices of this studio arrive here.")
        for address, outcome in zip(addresses, outcomes, strict=True):
            self.stdout.write(f"{push.masked(address)}: {outcome}")
        if any(outcome != push.Delivery.TAKEN for outcome in outcomes):
            raise CommandError("Not every address accepted the message. Check STUDIO_NOTIFY_URLS or the page Settings.")
