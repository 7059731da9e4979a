"""The outermost layer of the WSGI application: verifies what Django trusts about a request's body."""

import re

from videos.body_limits import largest_body_of

BOUNDARY = re.compile(r"\s*boundary\s*=\s*\"?([^\"]*)", re.IGNORECASE)
EPILOGUE = 64  # bytes that may follow the last boundary; usually it is one line end


class CompleteBody:
    """A request body that is read in full, as announced and to the end of its form, or not at all.

    Half a form must never pass for a whole one: Django would take a prompt that was cut off for all of it.
    """

    def __init__(self, stream, length: int, end: bytes):
        self.stream, self.left, self.end = stream, length, end
        self.tail = b""

    def read(self, size: int | None = -1) -> bytes:
        wanted = self.wanted(size)
        data = self.stream.read(wanted)
        return self.counted(data, len(data) < wanted)

    def readline(self, size: int | None = -1) -> bytes:
        wanted = self.wanted(size)
        line = self.stream.readline(wanted)
        return self.counted(line, not line and wanted > 0)

    def wanted(self, size: int | None) -> int:
        return self.left if size is None or size < 0 else min(size, self.left)

    def counted(self, data: bytes, is_cut_off: bool) -> bytes:
        self.left -= len(data)
        self.tail = (self.tail + data)[-len(self.end) - EPILOGUE :]
        if is_cut_off or (self.left == 0 and data and self.end not in self.tail):
            raise OSError("The request ended before its form did.")
        return data


class RequestGuard:
    """Passes on a body only in full, and as UTF-8 like every page.

    A charset that the sender names makes Python decode with it, and some of its codecs fail on any form.
    """

    largest_body = staticmethod(largest_body_of)  # asked by our web server before it reads a large one

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        kind, *parameters = environ.get("CONTENT_TYPE", "").split(";")
        boundaries = list(filter(None, map(BOUNDARY.match, parameters)))
        environ["CONTENT_TYPE"] = ";".join([kind, *(found.string for found in boundaries)])
        length = environ.get("CONTENT_LENGTH", "")
        if length.isascii() and length.isdigit():
            end = f"--{boundaries[0][1].strip()}--".encode("latin-1") if boundaries else b""
            environ["wsgi.input"] = CompleteBody(environ["wsgi.input"], int(length), end)
        return self.application(environ, start_response)
