"""The people of an in-process test, and signing them in."""

from django.contrib.auth import get_user_model
from django.test import Client

from tests.parts.studio import PASSWORD
from videos.models import Preferences


def make_owner(username="owner"):
    return get_user_model().objects.create_superuser(username, password=PASSWORD)


def make_manager(username="manager"):
    return get_user_model().objects.create_user(username, password=PASSWORD, is_staff=True)


def make_member(username="member"):
    return get_user_model().objects.create_user(username, password=PASSWORD)


def with_single_cards(person):
    """The same person, whose gallery shows no stacks: for tests that look at cards."""
    Preferences.objects.update_or_create(user=person, defaults={"stacks": False})
    return person


def signed_in(person, **headers):
    """A browser in which `person` is signed in."""
    client = Client(headers=headers)
    client.force_login(person)
    return client


def attempt(client, username="member", password=PASSWORD, **more):
    """One POST of the login form."""
    return client.post("/login", {"username": username, "password": password}, **more)
