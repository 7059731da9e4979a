"""Polls over connections that are kept open: what a server may send, and how it is handled."""

import asyncio
import gzip

import pytest

from videos.remotes import async_transport
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.transport import LARGEST_REPLY

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
RUNNING = b'{"data": {"status": "running"}}'


def whole(body=RUNNING, head=OK, **more):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in more.items())
    return head + lines.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Server:
    """Answers each request with the next of `answers`, and then the last one again; keeps the heads that came."""

    def __init__(self, *answers):
        self.answers, self.heads, self.connections, self.closed = list(answers), [], 0, 0

    async def serve(self, reader, writer):
        self.connections += 1
        while head := await self.head(reader):
            self.heads.append(head.decode())
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is None:
                break
            if answer:
                writer.write(answer)
        self.closed += 1
        writer.close()

    async def head(self, reader):
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


def asked(server, use, path="/v1/x"):
    """What `use(session, address)` returned."""

    async def main():
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{path}"
        async with listening, async_transport.open_session() as session:
            return await use(session, address)

    return asyncio.run(main())


async def get(session, address):
    return await async_transport.get_async(session, address, {"X-Api-Key": "secret"})


async def twice(session, address):
    return [await get(session, address), await get(session, address)]


def test_the_answer_comes_with_status_headers_and_json():
    server = Server(whole(Retry_After="7"))
    reply = asked(server, get)
    assert (reply.status, reply.data) == (200, {"data": {"status": "running"}})
    assert reply.headers.get("retry-after") == "7"
    [head] = server.heads
    assert "X-Api-Key: secret\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


def test_the_address_is_sent_as_it_is():
    server = Server(whole())
    asked(server, get, path="/v1/a%2Fb%3F")
    assert server.heads[0].startswith("GET /v1/a%2Fb%3F HTTP/1.1\r\n")


def test_a_connection_is_used_again_and_carries_no_cookies():
    server = Server(whole(Set_Cookie="session=1"))
    asked(server, twice)
    assert server.connections == 1
    assert len(server.heads) == 2
    assert not [head for head in server.heads if "cookie" in head.lower()]


def test_a_redirect_is_an_answer_and_is_not_followed():
    server = Server(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    assert asked(server, get).status == 302
    assert len(server.heads) == 1


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert asked(Server(whole()), get).status == 200


def test_a_connection_that_the_server_closed_meanwhile_costs_no_failed_poll():
    server = Server(whole(), None, whole())
    assert [reply.status for reply in asked(server, twice)] == [200, 200]
    assert server.connections == 2


def test_a_body_without_end_is_cut_and_its_connection_is_not_used_again():
    server = Server(whole(b"x" * (LARGEST_REPLY * 3)), whole())
    first, second = asked(server, twice)
    assert LARGEST_REPLY < len(first.body) < 2 * LARGEST_REPLY
    assert second.data
    assert server.connections == 2


def test_a_compressed_answer_is_read_and_a_bomb_is_cut():
    packed = whole(gzip.compress(RUNNING), Content_Encoding="gzip")
    bomb = whole(gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")
    first, second = asked(Server(packed, bomb), twice)
    assert first.data == {"data": {"status": "running"}}
    assert len(second.body) == LARGEST_REPLY


@pytest.mark.parametrize(
    ("answer", "cause"),
    {
        "closed without a word": (None, Cause.NETWORK),
        "cut short": (OK + b"Content-Length: 100\r\nConnection: close\r\n\r\n{", Cause.NETWORK),
        "no HTTP": (b"SSH-2.0-OpenSSH_9\r\n\r\n", Cause.NETWORK),
        "a header without end": (OK + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n", Cause.NETWORK),
        "many headers": (OK + b"X-Many: 1\r\n" * 5000 + b"\r\n", Cause.NETWORK),
        "a bad chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", Cause.NETWORK),
        "not gzip": (whole(b"nothing", Content_Encoding="gzip"), Cause.UNREADABLE),
    }.values(),
)
def test_an_invalid_answer_is_a_problem_of_the_remote_and_not_ours(answer, cause):
    async def use(session, address):
        with pytest.raises(RemoteError) as error:
            await get(session, address + "?part=1")
        return error.value

    class Closing(Server):
        async def head(self, reader):
            return await super().head(reader) if not self.heads or answer is None else b""

    error = asked(Closing(answer), use)
    assert error.cause == cause
    assert "127.0.0.1" not in error.detail


def test_a_server_that_is_not_listening_is_reported_as_unreachable():
    async def use(session, address):
        with pytest.raises(RemoteError, match="No connection could be made"):
            await get(session, "http://127.0.0.1:9/")

    asked(Server(whole()), use)


def test_a_poll_that_is_cancelled_closes_its_connection():
    async def use(session, address):
        poll = asyncio.create_task(get(session, address))
        await until(lambda: server.heads)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        await until(lambda: server.closed)

    server = Server(b"")
    asked(server, use)
    assert server.closed == 1


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)
