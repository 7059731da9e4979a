"""Prepares start and end frames in the form that a backend takes: URLs, pictures uploaded once, or bytes."""

from datetime import timedelta

from django.conf import settings

from videos.engine import signed_links
from videos.models import Generation, Picture, RemoteCopy
from videos.remotes.base import Backend, Image
from videos.remotes.errors import Cause, RemoteError

REFUSED_AS = frozenset({Cause.INVALID, Cause.REFUSED, Cause.PLAN, Cause.RETIRED})
OF_THE_PICTURE = frozenset({Cause.TOO_LARGE, Cause.PICTURE})


class FramesNotReady(Exception):
    """Nothing can be sent yet, because a picture is being uploaded or took long: try again after `delay`."""

    delay = timedelta(seconds=1)


class FrameRefused(Exception):
    """The backend will never accept this frame; `code` names the sentence for a person."""

    def __init__(self, cause: Cause, code: str, detail: str = ""):
        super().__init__(code)
        self.cause, self.code = cause, code
        self.detail = detail


def prepare(generation: Generation) -> tuple[Image | None, Image | None]:
    """The start and end frames in the form that the generation's backend takes. Uploading is free of charge.

    Raises FramesNotReady, FrameRefused, or RemoteError for a failure that may pass.
    """
    start = image_of(generation, generation.start_frame_url, generation.start_frame)
    end = image_of(generation, generation.end_frame_url, generation.end_frame)
    return start, end


def image_of(generation: Generation, address: str, picture: Picture | None) -> Image | None:
    remote = generation.remote
    if picture and settings.HEYGEN_UPLOAD_CALL == "own" and (settings.STUDIO_URL or settings.BUCKET):
        address = signed_links.public_address(picture)
    if address:
        return remote.prepare_image(Image(address=address), settings.LEASE_SECONDS / 4)
    if picture is None:
        return None
    copy = picture.remote_copy(generation.backend)
    if copy.is_usable():
        return Image(address=copy.address, asset_id=copy.asset_id)
    return upload(remote, picture, copy)


def upload(remote: Backend, picture: Picture, copy: RemoteCopy) -> Image:
    if not RemoteCopy.objects.claim_upload(copy.pk):
        raise FramesNotReady
    try:
        image = Image(data=read(picture), content_type=picture.content_type)
        image = remote.prepare_image(image, settings.LEASE_SECONDS / 4)
    except RemoteError as error:
        copy.give_up_upload()
        raise refusal(error) or error from error
    except Exception:
        copy.give_up_upload()
        raise
    if image.data:  # the remote keeps no copy
        copy.give_up_upload()
    else:
        copy.remember(image)
    return image


def read(picture: Picture) -> bytes:
    try:
        with picture.file.open("rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise FrameRefused(Cause.PICTURE, "frame.missing") from error


def refusal(error: RemoteError) -> FrameRefused | None:
    """The refusal, if the error is definite and about this picture; None if it concerns the account, or may pass."""
    if not error.is_definite and error.cause != Cause.RETIRED:
        return None
    if error.cause in REFUSED_AS:
        return FrameRefused(Cause.PICTURE, f"frame.{error.cause}", error.detail)
    if error.cause in OF_THE_PICTURE:
        return FrameRefused(error.cause, f"frame.{error.cause}", error.detail)
    return None
