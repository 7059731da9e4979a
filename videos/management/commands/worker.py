from django.core.management.base import BaseCommand

from videos.storage.private import close_to_others
from videos.worker import cluster


class Command(BaseCommand):
    help = "Runs the worker, which sends, polls and saves generations. Any number of hosts may run one."

    def handle(self, *args, **options):
        close_to_others()
        cluster.run()
