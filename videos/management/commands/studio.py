from contextlib import suppress

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from videos import logs
from videos.accounts import setup_token
from videos.worker.supervisor import CannotStart, Supervisor, needs_standin, prepare


class Command(BaseCommand):
    help = "Runs the whole studio: web server, worker and, without an API key, the demo server. Ctrl-C stops it."

    def handle(self, *args, **options):
        try:
            supervisor = Supervisor(self.pass_on)
            prepare()
            supervisor.run(self.welcome)
        except CannotStart as reason:
            raise CommandError(str(reason)) from reason

    def say(self, words: str):
        self.pass_on(logs.sentence(words))

    def pass_on(self, line: str):
        with suppress(OSError):  # nobody reads our output any more, which is no reason to stop
            self.stdout.write(line)
            self.stdout.flush()

    def welcome(self, address: str):
        if needs_standin():
            self.say("No HEYGEN_API_KEY: videos are drawn on this machine, and cost nothing.")
        if not settings.BOUND_TO_LOOPBACK:
            self.say(f"Listening on {settings.HOST}, port {settings.PORT}")
        if not get_user_model().objects.exists():
            self.say("The first visitor creates the owner account.")
        setup_token.announce(self.say)
        connections.close_all()
        self.say(f"HeyGen Studio is at {address}  (Ctrl-C stops it)")
