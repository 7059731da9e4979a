from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from videos.accounts import second_factor

User = get_user_model()


class Command(BaseCommand):
    help = (
        "Removes the second factor of one person, who lost it: they sign in with the password alone, and are signed "
        "out everywhere. Owners can do this on the page Members too; this is for the last owner."
    )

    def add_arguments(self, parser):
        parser.add_argument("username", help="the name with which this person signs in")

    def handle(self, *args, username, **options):
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is nobody named {username}.")
        if not second_factor.has(person):
            raise CommandError(f"{person} has no second factor.")
        second_factor.remove_all(person)
        self.stdout.write(f"{person} now signs in with the password alone.")
