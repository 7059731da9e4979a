"""Our web server in a thread of the test, with an application of the test."""

import asyncio
import os
import socket
import threading
from contextlib import contextmanager

from gunicorn.config import Config
from gunicorn.glogging import Logger

from heygen_studio.web.worker import Worker
from tests.parts.processes import wait_until

TEXT = [("Content-Type", "text/plain")]


class Application:
    """Answers with what `answer(environ, start_response)` gives, and notes each call. Bodies may have `limit` bytes."""

    def __init__(self, answer=None, limit=1024**2):
        self.answer, self.limit = answer or say_hello, limit
        self.calls = []

    def __call__(self, environ, start_response):
        self.calls.append(environ)
        return self.answer(environ, start_response)

    def largest_body(self, environ):
        return self.limit


def say_hello(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return [b"hello"]


def repeat_body(environ, start_response):
    data = environ["wsgi.input"].read()
    assert len(data) == int(environ.get("CONTENT_LENGTH") or 0)
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(data)))])
    return [data]


@contextmanager
def serving(application, **settings):
    """The running server; `connect(server)` reaches it. `settings` are attributes of the worker."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        listener.setblocking(False)
        config = Config()
        worker = Worker(0, os.getppid(), [listener], None, 30, config, Logger(config))
        worker.wsgi = application
        worker.set_up()
        for name, value in settings.items():
            setattr(worker, name, value)
        thread = threading.Thread(target=lambda: asyncio.run(worker.serve()), daemon=True)
        thread.start()
        wait_until(lambda: worker.is_accepting, 10)
        try:
            yield worker
        finally:
            worker.alive = False
            thread.join(60)
            assert not thread.is_alive(), "the server did not stop"


def connect(server, receive_buffer=None):
    client = socket.socket()
    client.settimeout(60)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(server.address)
    return client


def ask(server, request, receive_buffer=None):
    """Everything that comes back on a connection of its own until the server closes it."""
    with connect(server, receive_buffer) as client:
        client.sendall(request)
        return until_closed(client)


def until_closed(client):
    found = b""
    while data := client.recv(65536):
        found += data
    return found


def one_answer(client):
    """The head and the body of the next answer on this connection, which must have a length."""
    found = b""
    while b"\r\n\r\n" not in found:
        data = client.recv(1)
        assert data, f"closed after {found!r}"
        found += data
    head = found.decode("latin-1")
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
    body = b""
    while len(body) < length:
        data = client.recv(min(65536, length - len(body)))
        assert data, "closed within the body"
        body += data
    return head, body


def is_closed(client, seconds):
    """Whether the server closes the connection within so many seconds, with or without an answer."""
    client.settimeout(seconds)
    try:
        until_closed(client)
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True
