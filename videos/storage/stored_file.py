"""Opens a stored file to read parts of it. From a bucket only those parts are fetched, never the whole file first."""

import io
from contextlib import closing
from typing import BinaryIO

from django.conf import settings
from django.db.models.fields.files import FieldFile

from videos import bucket_errors

SKIPPED = 64 * 1024  # bytes that are read and skipped rather than requested again
BROKEN_OFF = ("HTTPClientError", "IncompleteReadError")  # while a slow client took its time


def open_stored(file: FieldFile) -> BinaryIO:
    """Opens the file, which the caller closes. Raises FileNotFoundError."""
    opened = file.storage.open(file.name)
    return BucketFile(opened) if settings.BUCKET else opened


class SeekableFile(io.RawIOBase):
    """A file to read from any place. Subclasses know `tell()` and have a `size`."""

    def readable(self):
        return True

    def seekable(self):
        return True

    def place(self, offset: int, origin: int) -> int:
        """The absolute position that `seek(offset, origin)` means."""
        return offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self.size}[origin]


class BucketFile(SeekableFile):
    """An object of a bucket as a file. Reading continues in one answer of the bucket until a seek to another place."""

    def __init__(self, opened):
        self.object, self.size = opened.obj, opened.size
        self.at = 0
        self.body, self.body_at = None, 0

    def tell(self):
        return self.at

    def seek(self, offset, origin=io.SEEK_SET):
        self.at = self.place(offset, origin)
        return self.at

    def readinto(self, buffer):
        wanted = min(len(buffer), self.size - self.at)
        if wanted <= 0:
            return 0
        try:
            data = self.read_on(wanted)
        except bucket_errors.named(*BROKEN_OFF):
            self.leave()
            data = self.read_on(wanted)
        buffer[: len(data)] = data
        self.at = self.body_at = self.at + len(data)
        return len(data)

    def read_on(self, count: int) -> bytes:
        ahead = self.at - self.body_at
        if self.body and 0 < ahead <= SKIPPED:
            self.body.read(ahead)
        elif self.body is None or ahead:
            self.leave()
            self.body = self.asked()
        self.body_at = self.at
        return self.body.read(count)

    def asked(self):
        try:
            return self.object.get(Range=f"bytes={self.at}-")["Body"]
        except bucket_errors.named("ClientError") as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(self.object.key) from error
            raise

    def leave(self):
        if self.body:
            with closing(self.body):
                self.body = None

    def close(self):
        self.leave()
        super().close()
