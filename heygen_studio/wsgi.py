import os
import re

from django.core.wsgi import get_wsgi_application

PARAMETER = re.compile(r"\s*boundary\s*=", re.IGNORECASE)


class Whole:
    """A body that is read as long as it was announced, or not at all: half a form must never pass for a whole one."""

    def __init__(self, stream, length: int):
        self.stream, self.left = stream, length

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
        if is_cut_off:
            raise OSError("The request ended before its announced length.")
        return data


class Incoming:
    """What Django takes at its word, made sure of first: how long a body is, and that it is UTF-8 like every page.

    A charset that the sender names makes Python decode with it, and some of its codecs fail on any form.
    """

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        length = environ.get("CONTENT_LENGTH", "")
        if length.isascii() and length.isdigit():
            environ["wsgi.input"] = Whole(environ["wsgi.input"], int(length))
        kind, *parameters = environ.get("CONTENT_TYPE", "").split(";")
        environ["CONTENT_TYPE"] = ";".join([kind, *filter(PARAMETER.match, parameters)])
        return self.application(environ, start_response)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heygen_studio.settings")
application = Incoming(get_wsgi_application())
