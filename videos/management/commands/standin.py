from django.conf import settings
from django.core.management.base import BaseCommand

from videos.standin import server


class Command(BaseCommand):
    help = "Runs the stand-in, a local imitation of HeyGen's API that draws the videos itself."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=0, help="0 lets the system choose; it is printed.")
        parser.add_argument("--folder", default=settings.DATA / "standin", help="Where its ledger and videos lie.")
        parser.add_argument("--speed", type=float, default=1.0, help="Divides the providers' times.")
        parser.add_argument("--draft", action="store_true", help="Tiny videos, for tests.")
        parser.add_argument("--control", action="store_true", help="Opens the control route, for tests.")

    def handle(self, *args, port, folder, speed, draft, control, **options):
        server.main(port, folder, speed=speed, draft=draft, control=control, is_open=True)
