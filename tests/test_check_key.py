"""A wrong, a missing and an unreachable key or API: each is reported on the page before anything is generated."""

from contextlib import closing

import pytest

from tests.parts.generations import owner
from tests.parts.processes import free_port, wait_until


def test_a_wrong_key_is_on_the_page_before_anything_is_generated_and_goes_when_the_key_is_right(start_studio, standin):
    standin.faults([{"call": "account", "do": {"status": 401}}])
    studio = start_studio()
    studio.make_owner()
    with closing(studio.client()) as client:
        wait_until(lambda: "did not accept the API key" in client.get("/").text, 30, "a sentence about the key")
        assert standin.requests("submit") == []
        standin.faults([])
        studio.restart()
        wait_until(lambda: "did not accept the API key" not in client.get("/").text, 30, "the sentence to go")


def test_an_unreachable_api_is_on_the_page(start_studio):
    studio = start_studio(HEYGEN_API_URL=f"http://127.0.0.1:{free_port()}")
    studio.make_owner()
    with closing(studio.client()) as client:
        wait_until(lambda: "HeyGen could not be reached" in client.get("/").text, 30, "a sentence about the API")


@pytest.mark.django_db
def test_a_studio_with_neither_a_key_nor_a_demo_server_says_so(client, settings):
    settings.HEYGEN_API_KEY = ""
    client.force_login(owner())
    assert "There is no API key." in client.get("/").text
