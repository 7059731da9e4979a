"""`manage.py sendnotices`: what the worker says by itself, and that the worker is gone, which it cannot say."""

from django.core.management.base import BaseCommand, CommandError

from videos.engine import outgoing
from videos.models.studio_settings import current


class Command(BaseCommand):
    help = (
        "Sends the notices that wait to the addresses of STUDIO_NOTIFY_URLS, also that the worker is not running. "
        "`manage.py studio` does so every two minutes; where it does not run, let cron or a timer do it."
    )

    def add_arguments(self, parser):
        parser.add_argument("--test", action="store_true", help="send a message that only says that this works")

    def handle(self, *, test: bool, **options):
        addresses = current().notify_urls.split()
        if test and not (addresses and outgoing.push(addresses, "a test", "Notices of this studio arrive here.")):
            raise CommandError("The message was not taken. Set STUDIO_NOTIFY_URLS, and check its addresses.")
        outgoing.look_at_worker()
        outgoing.send()
