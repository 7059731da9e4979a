"""The application's answer as bytes to send: all at once, a file, or piece by piece."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from gunicorn.http.wsgi import FileWrapper, Response


class Collected:
    """Stands in for the socket while the application runs: keeps what is written."""

    def __init__(self):
        self.parts: list[bytes] = []

    def sendall(self, data: bytes):
        self.parts.append(data)

    def gettimeout(self) -> float:
        return 0.0  # to gunicorn's own error pages it is a socket that never blocks

    def take(self) -> bytes:
        data, self.parts = b"".join(self.parts), []
        return data


class Reply(Response):
    """gunicorn's response with all its checks, except that files and streams are left for the caller to send.

    After `run`, `take()` is what to send first. Then comes `file` from `offset` on, `count` bytes of it; or `stream`,
    through `send_stream`. `close()` ends it in any case.
    """

    def __init__(self, request, collected: Collected, cfg):
        super().__init__(request, collected, cfg)
        self.take = collected.take
        self.file, self.offset, self.count = None, 0, 0
        self.stream: Iterable[bytes] | None = None
        self.answer = None

    def run(self, application: Callable, environ: dict):
        """Runs in a thread of the pool, which is free again before the first byte is sent."""
        self.answer = application(environ, self.start_response)
        if isinstance(self.answer, FileWrapper) and not self._omits_body and self.hold_file():
            self.send_headers()
        elif getattr(self.answer, "streaming", False) and not self._omits_body:
            self.stream = self.answer
        else:
            for piece in self.answer:
                self.write(piece)
            self.finish()

    def finish(self):
        super().close()

    def hold_file(self) -> bool:
        """Whether the answer is a file whose bytes the kernel can send by itself."""
        file = self.answer.filelike
        try:
            descriptor = file.fileno()
            self.offset = os.lseek(descriptor, 0, os.SEEK_CUR)
            size = os.fstat(descriptor).st_size
        except (AttributeError, OSError):
            return False
        if self.response_length is None:
            return False
        self.file, self.count = file, min(self.response_length, size - self.offset)
        return self.count == self.response_length

    def send_stream(self, send: Callable[[bytes], None]):
        """Sends the stream piece by piece, in a thread of its own that waits for each piece."""
        for piece in self.stream:
            self.write(piece)
            send(self.take())
        self.finish()
        send(self.take())

    def close(self):
        """Called when everything is sent, or nothing more can be."""
        with suppress(AttributeError):
            self.answer.close()
