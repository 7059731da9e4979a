"""The picture in an upload: multipart in the newer call, a raw body in the older one."""

from email import policy
from email.parser import BytesParser

from videos.standin.contract import Refused
from videos.standin.wire import Request

LIMIT = 32 * 1024 * 1024
_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def multipart_file(request: Request) -> bytes:
    """The part named `file` of a multipart body. Raises Refused (400)."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise Refused(400, "invalid_parameter", "Send the picture as multipart/form-data.", "file")
    message = BytesParser(policy=policy.HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body)
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "file":
            return part.get_payload(decode=True) or b""
    raise Refused(400, "invalid_parameter", "The form has no field named file.", "file")


def raw_file(request: Request) -> bytes:
    """The whole body, whose type must be PNG or JPEG. Raises Refused (400)."""
    if request.headers.get("content-type", "").split(";")[0].strip() not in _MAGIC.values():
        raise Refused(400, "invalid_parameter", "Content-Type must be image/png or image/jpeg.", "Content-Type")
    return request.body


def checked_mime(data: bytes) -> str:
    """The picture's type by its bytes. Raises Refused: 400 if it is neither PNG nor JPEG, 413 above 32 MB."""
    if len(data) > LIMIT:
        raise Refused(413, "payload_too_large", "The picture is larger than 32 MB.", "file")
    for magic, mime in _MAGIC.items():
        if data.startswith(magic):
            return mime
    raise Refused(400, "invalid_parameter", "The file must be a PNG or a JPEG.", "file")
