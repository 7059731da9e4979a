from django.core.management.base import BaseCommand

from videos.storage.private import make_data_folder_private
from videos.worker import cluster


class Command(BaseCommand):
    help = "Runs the worker, which sends, polls and saves generations. Any number of hosts may run one."

    def handle(self, *args, **options):
        make_data_folder_private()
        cluster.run()
