from django.conf import settings
from django.core.management.base import BaseCommand

from videos.standin import server


class Command(BaseCommand):
    help = "Runs the demo server, which answers for HeyGen's APIs on this machine and draws the videos itself."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=0, help="0, the default, lets the system choose one")
        parser.add_argument("--folder", default=settings.DATA / "standin", help="where its ledger and videos are kept")
        parser.add_argument("--speed", type=float, default=1.0, help="divides the time that a video takes")
        parser.add_argument("--draft", action="store_true", help="draw tiny videos, for tests")
        parser.add_argument("--control", action="store_true", help="open the control route, for tests")

    def handle(self, *args, port, folder, speed, draft, control, **options):
        server.main(port, folder, speed=speed, draft=draft, control=control, is_open=True)
