"""A running studio among slow clients, and how soon a file that was given is closed again."""

import socket
import time
from contextlib import ExitStack

import pytest

from tests.parts.processes import wait_until
from tests.parts.studio import csrf_token
from tests.parts.web import is_closed

MANY = 300
HALVES = {
    "half a header": b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    "half a body": b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nusername=",
}
MAKE = """
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from tests.parts.generations import make_ready
owner = get_user_model().objects.get(username="{username}")
generation = make_ready(owner, "{username}", token="token-of-{username}")
generation.saved_video.file.save("large.mp4", ContentFile(b"0123456789abcdef" * 65536 * 8), save=False)
generation.saved_video.save()
print("made", generation.public_id)
"""
SIZE = 16 * 65536 * 8
REVOKED_WITHIN = 2  # seconds, as heygen_studio/web/remembered.py says


@pytest.fixture
def video(shared_studio, member):
    """The address of a member's saved video of 8 MB."""
    said = shared_studio.manage("shell", "-v", "0", "-c", MAKE.format(username=member))
    return f"/g/{next(line for line in said.splitlines() if line.startswith('made '))[5:]}"


def held(stack, studio, data, receive_buffer=None):
    client = stack.enter_context(socket.socket())
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(60)
    client.connect(("127.0.0.1", studio.port))
    client.sendall(data)
    return client


@pytest.mark.parametrize("half", HALVES)
def test_everybody_can_sign_in_beside_three_hundred_half_sent_requests(shared_studio, member, half):
    with ExitStack() as stack:
        for _ in range(MANY):
            held(stack, shared_studio, HALVES[half])
        assert shared_studio.client(member).get("/account").status_code == 200


def test_everybody_can_sign_in_beside_three_hundred_paused_players(shared_studio, member, video):
    cookie = f"sessionid={shared_studio.client(member).cookies['sessionid']}"
    head = f"GET {video}/video.mp4 HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nRange: bytes=0-\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(MANY):
            player = held(stack, shared_studio, head, receive_buffer=16_384)
            assert player.recv(20).startswith(b"HTTP/1.1 206")
        assert shared_studio.client(member).get("/account").status_code == 200


def test_an_endless_request_head_is_cut_off(shared_studio):
    with ExitStack() as stack:
        assert is_closed(held(stack, shared_studio, HALVES["half a header"]), 60)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=5-", f"bytes={SIZE - 3_000_000}-"])
def test_an_open_range_goes_to_the_end_also_when_the_permission_is_remembered(shared_studio, member, video, asked):
    client = shared_studio.client(member)
    first = int(asked[6:-1])
    for _ in range(3):
        answer = client.get(f"{video}/video.mp4", headers={"Range": asked})
        assert answer.status_code == 206 and len(answer.content) == SIZE - first
        assert answer.headers["Content-Range"] == f"bytes {first}-{SIZE - 1}/{SIZE}"
        assert answer.content == (b"0123456789abcdef" * 65536 * 8)[first:]
        assert answer.headers["Cache-Control"].startswith("private")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_signing_out_closes_a_file_within_two_seconds(shared_studio, member, video):
    client = shared_studio.client(member)
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid']}"}
    address = f"{shared_studio.url}{video}/video.mp4"
    with shared_studio.stranger() as copy:
        copy.follow_redirects = False
        assert copy.get(address, headers={**cookie, "Range": "bytes=0-9"}).status_code == 206
        client.post("/logout", data={"csrfmiddlewaretoken": csrf_token(client, "/account")})
        time.sleep(REVOKED_WITHIN)
        assert copy.get(address, headers={**cookie, "Range": "bytes=0-9"}).status_code == 302


def test_a_revoked_link_is_closed_within_two_seconds(shared_studio, member, video):
    client = shared_studio.client(member)
    form = {"csrfmiddlewaretoken": csrf_token(client, video)}
    page = client.post(f"{video}/link", data=form).text
    link = page.split(f"{shared_studio.url}/s/")[1].split('"')[0]
    with shared_studio.stranger() as visitor:
        address = f"/s/{link}/video.mp4"
        wait_until(lambda: visitor.get(address, headers={"Range": "bytes=0-9"}).status_code == 206)
        client.post(f"{video}/link/revoke", data=form)
        time.sleep(REVOKED_WITHIN)
        assert visitor.get(address, headers={"Range": "bytes=0-9"}).status_code == 404
