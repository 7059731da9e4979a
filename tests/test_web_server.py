"""Our web server: a client that is slow, stuck or sends nonsense never blocks others, and is cut off in time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from heygen_studio.web import body, connection, remembered, wire, worker
from heygen_studio.web.connection import Stage
from heygen_studio.web.reply import FileWrapper
from heygen_studio.web.sent_files import SentFile
from tests.parts.processes import wait_until
from tests.parts.web import TEXT, Application, ask, connect, is_closed, one_answer, repeat_body, serving, until_closed

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALF_HEAD = b"GET / HTTP/1.1\r\nHost: local"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nprompt="
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
MANY = 300


def post(data, length=None, more=b""):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%bContent-Length: %d\r\n\r\n"
    return head % (more, len(data) if length is None else length) + data


@pytest.fixture
def large_file(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 4096 * 20)  # 20 MiB
    return path


def send_file(path, start=0):
    """An application that answers with the file from `start` on, as Django does."""

    def answer(environ, start_response):
        file = path.open("rb")
        file.seek(start)
        start_response("200 OK", [("Content-Length", str(path.stat().st_size - start))])
        return FileWrapper(file)

    return answer


# Slow clients
@pytest.mark.parametrize("half", [b"", b"G", HALF_HEAD, HALF_BODY, CHUNKED, CHUNKED + b"5\r\nab"])
def test_three_hundred_half_sent_requests_block_nobody(half):
    with serving(Application(), threads=ThreadPoolExecutor(1)) as server:
        clients = [connect(server) for _ in range(MANY)]
        try:
            for client in clients:
                client.sendall(half)
            assert ask(server, LAST).endswith(b"hello")
        finally:
            for client in clients:
                client.close()


def test_three_hundred_paused_players_block_nobody(large_file):
    with serving(Application(send_file(large_file)), threads=ThreadPoolExecutor(1)) as server:
        clients = [connect(server, receive_buffer=16_384) for _ in range(MANY)]
        try:
            for client in clients:
                client.sendall(GET)
                assert client.recv(100).startswith(b"HTTP/1.1 200")
            assert ask(server, LAST).endswith(large_file.read_bytes())
        finally:
            for client in clients:
                client.close()


@pytest.mark.parametrize("half", [b"", HALF_HEAD])
def test_a_request_head_that_does_not_arrive_ends_the_connection(monkeypatch, half):
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    with serving(Application()) as server, connect(server) as client:
        client.sendall(half)
        assert is_closed(client, 60)


def test_a_request_head_that_arrives_byte_by_byte_ends_the_connection_too(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    with serving(Application()) as server, connect(server) as client, pytest.raises(OSError):
        for _ in range(200):
            client.sendall(b"X-A: b\r\n" if client.getpeername() else b"")
            time.sleep(0.05)


@pytest.mark.parametrize("half", [HALF_BODY, CHUNKED + b"5\r\nab"])
def test_a_body_that_stops_coming_ends_the_connection_and_the_application_never_sees_it(monkeypatch, half):
    monkeypatch.setattr(body, "PAUSE_SECONDS", 0.3)
    application = Application()
    with serving(application) as server, connect(server) as client:
        client.sendall(half)
        assert until_closed_or_reset(client).startswith(b"HTTP/1.1 408")
    assert application.calls == []


def until_closed_or_reset(client):
    found = b""
    try:
        while data := client.recv(1000):
            found += data
    except ConnectionResetError:
        pass
    return found


def test_a_body_that_comes_byte_by_byte_ends_the_connection_too(monkeypatch):
    monkeypatch.setattr(body, "GRACE_SECONDS", 0.5)
    with serving(Application()) as server, connect(server) as client:
        client.sendall(HALF_BODY)
        with pytest.raises(OSError):
            for _ in range(200):
                client.sendall(b"x")
                time.sleep(0.05)


def test_a_body_that_ends_too_early_never_reaches_the_application():
    application = Application()
    with serving(application) as server:
        with connect(server) as client:
            client.sendall(HALF_BODY)
        assert ask(server, LAST).endswith(b"hello")
    assert len(application.calls) == 1


def test_a_download_that_makes_no_progress_is_ended(monkeypatch, large_file):
    monkeypatch.setattr(wire, "SEND_PAUSE_SECONDS", 0.3)
    application = Application(send_file(large_file))
    with serving(application) as server, connect(server, receive_buffer=16_384) as client:
        client.sendall(GET)
        wait_until(lambda: application.calls, 10)
        wait_until(lambda: not server.connections, 10, "the end of the connection")


def test_a_slow_download_continues_as_long_as_it_makes_progress(monkeypatch, large_file):
    looks, look = [], wire.Wire.look

    def look_after_progress(self, done, before):
        """However slow the machine is, the client has taken something since the last look."""
        wait_until(lambda: self.taken() > before, every=0.01)
        looks.append(before)
        look(self, done, before)

    monkeypatch.setattr(wire, "SEND_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(wire.Wire, "look", look_after_progress)
    with serving(Application(send_file(large_file))) as server, connect(server, receive_buffer=16_384) as client:
        client.sendall(GET)
        found = read_slowly_until(client, lambda: len(looks) >= 3)
        assert len(server.connections) == 1
        while len(found) < large_file.stat().st_size:
            found += client.recv(1024**2)
        assert found == large_file.read_bytes()


def read_slowly_until(client, condition):
    """The body, read slowly until the condition holds."""
    found = client.recv(4096).partition(b"\r\n\r\n")[2]
    while not condition():
        found += client.recv(8192)
        time.sleep(0.01)
    return found


def test_an_answer_made_while_it_is_sent_holds_no_thread_that_others_need():
    def answer(environ, start_response):
        start_response("200 OK", TEXT)
        return Streamed([b"x" * 65536] * 400)

    application = Application(answer)
    with serving(application, threads=ThreadPoolExecutor(1)) as server, connect(server, 16_384) as slow:
        slow.sendall(GET)
        wait_until(lambda: application.calls, 10)
        application.answer = Application().answer
        assert ask(server, LAST).endswith(b"hello")
        assert slow.recv(100).startswith(b"HTTP/1.1 200 OK")


class Streamed(list):
    """As Django marks an answer that is made while it is sent."""

    streaming = True


def test_a_stream_comes_whole_in_chunks():
    def answer(environ, start_response):
        start_response("200 OK", TEXT)
        return Streamed([b"one", b"", b"three"])

    with serving(Application(answer)) as server:
        assert ask(server, LAST).endswith(b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")


def test_when_there_are_too_many_connections_idle_ones_are_closed():
    with serving(Application(), max_connections=40) as server:
        clients = [connect(server) for _ in range(200)]
        assert ask(server, LAST).endswith(b"hello")
        for client in clients:
            client.close()


# Requests and answers
def test_one_connection_serves_one_request_after_another_also_when_they_come_at_once():
    with serving(Application()) as server:
        with connect(server) as client:
            for _ in range(3):
                client.sendall(GET)
                assert one_answer(client)[1] == b"hello"
        assert ask(server, GET + GET + LAST).count(b"hello") == 3


@pytest.mark.parametrize(
    ("request_line", "connection_line"),
    [(b"GET / HTTP/1.0", b""), (b"GET / HTTP/1.1", b"Connection: close\r\n")],
)
def test_the_connection_closes_when_the_client_wants_it(request_line, connection_line):
    with serving(Application()) as server:
        found = ask(server, request_line + b"\r\nHost: localhost\r\n" + connection_line + b"\r\n")
    assert b"Connection: close" in found and found.endswith(b"hello")


def test_a_head_and_an_answer_without_content_have_no_body(large_file):
    with serving(Application(send_file(large_file))) as server:
        found = ask(server, LAST.replace(b"GET", b"HEAD"))
    assert b"Content-Length: 20971520" in found and found.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("start", [0, 1, 12_345_678])
def test_a_file_is_sent_from_its_position(large_file, start):
    with serving(Application(send_file(large_file, start))) as server:
        found = ask(server, LAST).partition(b"\r\n\r\n")[2]
    assert found == large_file.read_bytes()[start:]


def test_a_body_arrives_whole():
    with serving(Application(repeat_body)) as server:
        for size in (0, 1, 70_000, 1024**2):
            assert ask(server, post(b"x" * size)).partition(b"\r\n\r\n")[2] == b"x" * size


def test_a_body_in_chunks_arrives_whole():
    chunks = b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    with serving(Application(repeat_body)) as server, connect(server) as client:
        client.sendall(CHUNKED + chunks)
        assert one_answer(client)[1] == b"hello world"


@pytest.mark.parametrize("chunks", [b"x\r\n", b"-5\r\nhello\r\n", b"5\r\nhelloX\r\n", b"\r\n", b"5" * 5000])
def test_chunks_that_cannot_be_separated_are_refused(chunks):
    application = Application()
    with serving(application) as server:
        assert ask(server, CHUNKED + chunks).startswith(b"HTTP/1.1 400")
    assert application.calls == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000, 431),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
)
def test_an_invalid_request_is_refused_and_the_connection_closed(request_, status):
    application = Application()
    with serving(application) as server:
        assert ask(server, request_).startswith(b"HTTP/1.1 %d" % status)
    assert application.calls == []


def test_an_application_that_fails_costs_its_own_connection_only():
    def answer(environ, start_response):
        raise ValueError("a fault")

    application = Application(answer)
    with serving(application) as server:
        assert ask(server, GET).startswith(b"HTTP/1.1 500")
        application.answer = Application().answer
        assert ask(server, LAST).endswith(b"hello")


def test_forwarded_headers_are_left_to_the_application():
    schemes = []

    def answer(environ, start_response):
        schemes.append(environ["wsgi.url_scheme"])
        return Application().answer(environ, start_response)

    with serving(Application(answer)) as server:
        server.cfg.set("forwarded_allow_ips", "")
        ask(server, LAST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Proto: https\r\n\r\n"))
    assert schemes == ["http"]


def test_a_running_answer_is_completed_when_the_server_stops(monkeypatch):
    monkeypatch.setitem(worker.SECONDS_TO_STOP, Stage.ANSWERING, 60)
    begun = threading.Event()

    def answer(environ, start_response):
        begun.set()
        time.sleep(0.5)
        return Application().answer(environ, start_response)

    with ThreadPoolExecutor(1) as pool:
        with serving(Application(answer)) as server:
            idle = connect(server)
            found = pool.submit(ask, server, GET)
            assert begun.wait(60)
        assert found.result().endswith(b"hello")
        idle.close()


# Bodies that are too large
def refuse_large(environ, start_response):
    assert environ["wsgi.input"].read() == b""
    start_response("413 Payload Too Large", [*TEXT, ("Content-Length", "9")])
    return [b"too large"]


def test_a_body_that_is_too_large_is_refused_before_it_is_sent():
    with serving(Application(refuse_large)) as server, connect(server) as client:
        client.sendall(post(b"", length=600 * 1024**2))
        head, said = one_answer(client)
        assert head.startswith("HTTP/1.1 413") and said == b"too large"


@pytest.mark.parametrize("announced", [True, False])
def test_a_client_that_sends_a_large_body_to_its_end_reads_the_refusal(announced):
    """It sees no broken connection: what it sends is read and discarded for a while."""
    size = 30 * 1024**2
    request = post(b"x" * size) if announced else CHUNKED + b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"
    application = Application(refuse_large)
    with serving(application) as server:
        assert ask(server, request).endswith(b"too large")
    assert int(application.calls[0]["CONTENT_LENGTH"]) > application.limit


def test_a_client_that_keeps_sending_after_a_refusal_is_cut_off(monkeypatch):
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.5)
    with serving(Application(refuse_large)) as server, connect(server) as client:
        client.sendall(post(b"", length=10**12))
        with pytest.raises(OSError):
            for _ in range(400):
                client.sendall(b"x" * 1000)
                time.sleep(0.02)


@pytest.mark.parametrize(("size", "is_asked_for"), [(100_000, True), (2 * 1024**2, False)])
def test_a_client_that_asks_first_is_asked_to_continue_only_if_the_body_is_taken(size, is_asked_for):
    application = Application(repeat_body if is_asked_for else refuse_large)
    with serving(application) as server, connect(server) as client:
        client.sendall(post(b"", length=size, more=b"Expect: 100-continue\r\n"))
        first = client.recv(21)
        assert (first == b"HTTP/1.1 100 Continue") == is_asked_for
        if is_asked_for:
            client.sendall(b"x" * size)
            assert until_closed(client).endswith(b"x" * size)


# Files that were given a moment ago
class Giver:
    """An application that gives a file and says that it may be remembered, with these headers."""

    def __init__(self, path, headers=()):
        self.path, self.headers = path, list(headers)

    def __call__(self, environ, start_response):
        size = self.path.stat().st_size
        environ["studio.remember_file"](SentFile(str(self.path), size, '"tag"', "video/mp4"))
        start_response("200 OK", [("Content-Length", str(size)), ("ETag", '"tag"'), ("X-Own", "1"), *self.headers])
        return FileWrapper(self.path.open("rb"))


def part(asked, cookie=b"sessionid=mine", path=b"/"):
    return b"GET %b HTTP/1.1\r\nHost: a\r\nCookie: %b\r\nRange: %b\r\nConnection: close\r\n\r\n" % (path, cookie, asked)


def test_further_parts_of_a_file_come_without_asking_the_application_again(large_file, monkeypatch):
    monkeypatch.setattr(remembered, "SECONDS", 60)
    application, whole = Application(Giver(large_file)), large_file.read_bytes()
    with serving(application) as server:
        ask(server, part(b"bytes=0-"))
        for first, last in ((5, 9), (1_000_000, 1_999_999)):
            head, _, found = ask(server, part(b"bytes=%d-%d" % (first, last))).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 206 Partial Content") and found == whole[first : last + 1]
            assert b"Content-Range: bytes %d-%d/%d" % (first, last, len(whole)) in head
            assert b"X-Own: 1" in head and b"video/mp4" in head and head.count(b"Content-Length") == 1
        assert ask(server, part(b"bytes=99999999-")).startswith(b"HTTP/1.1 416")
        assert ask(server, part(b"bytes=5-")).endswith(whole[5:])
    assert len(application.calls) == 1


def test_if_anything_else_differs_the_application_is_asked(large_file):
    application = Application(Giver(large_file))
    others = [
        part(b"bytes=0-9", cookie=b"sessionid=other"),
        part(b"bytes=0-9", path=b"/other"),
        part(b"bytes=0-9", path=b"/?download=1"),
        part(b"bytes=0-9").replace(b"Host: a", b"Host: b"),
        part(b"bytes=0-9").replace(b"Cookie", b"X-Forwarded-Proto: https\r\nCookie"),
        part(b"bytes=0-9").replace(b"GET", b"HEAD"),
    ]
    with serving(application) as server:
        ask(server, part(b"bytes=0-"))
        for number, other in enumerate(others, 2):
            ask(server, other)
            assert len(application.calls) == number


def test_it_is_forgotten_after_a_moment(large_file, monkeypatch):
    monkeypatch.setattr(remembered, "SECONDS", 0.2)
    application = Application(Giver(large_file))
    with serving(application) as server:
        ask(server, part(b"bytes=0-"))
        time.sleep(0.3)
        ask(server, part(b"bytes=0-9"))
    assert len(application.calls) == 2


def test_an_answer_that_sets_a_cookie_is_not_remembered(large_file):
    application = Application(Giver(large_file, [("Set-Cookie", "sessionid=new")]))
    with serving(application) as server:
        ask(server, part(b"bytes=0-"))
        ask(server, part(b"bytes=0-"))
    assert len(application.calls) == 2


def test_a_remembered_file_that_is_gone_is_asked_for_again(large_file):
    application = Application(Giver(large_file))
    with serving(application) as server:
        ask(server, part(b"bytes=0-"))
        large_file.rename(large_file.with_name("elsewhere"))
        application.answer = Application().answer
        assert ask(server, part(b"bytes=0-")).endswith(b"hello")
