"""Start and end frames as addresses that the remote side can fetch: pasted ones as they are, uploaded ones first
handed to it, once per picture, or offered under a signed link of our own."""

from datetime import timedelta

import httpx
from django.conf import settings

from videos import heygen, signed_links
from videos.heygen import Cause, HeyGenError
from videos.models import Generation, Picture

SENTENCES = {
    Cause.INVALID: "HeyGen did not accept the start or end frame. Nothing was made; try another picture.",
    Cause.REFUSED: "HeyGen refused the start or end frame. Nothing was made; try another picture.",
    Cause.PLAN: "The HeyGen account's plan takes no pictures. Nothing was made; give the frame's web address instead.",
    Cause.RETIRED: "HeyGen no longer takes pictures this way. Nothing was made; give the frame's web address instead.",
}
MISSING = "The start or end frame's file is missing in the studio. Nothing was made; add the picture again."


class Wait(Exception):
    """Somebody else is uploading this very picture: come back in a moment."""

    delay = timedelta(seconds=1)


class FrameRefused(Exception):
    """A frame that surely will never be accepted. `str(error)` is a sentence for a person."""

    def __init__(self, cause: Cause, sentence: str, detail: str = ""):
        super().__init__(sentence)
        self.cause = cause
        self.detail = detail


def pictures(generation: Generation) -> list[Picture]:
    return [picture for picture in (generation.start_frame, generation.end_frame) if picture]


def give_public_addresses(generation: Generation) -> tuple[str, str]:
    """The start and the end frame's address, "" where there is none. Uploading is free of charge.

    Raises Wait, FrameRefused, or HeyGenError for what may pass.
    """
    start = generation.start_frame_url or address_of(generation.start_frame)
    end = generation.end_frame_url or address_of(generation.end_frame)
    return start, end


def address_of(picture: Picture | None) -> str:
    if picture is None:
        return ""
    if settings.HEYGEN_UPLOAD_CALL == "own" and (settings.STUDIO_URL or settings.BUCKET):
        return signed_links.public_address(picture)
    picture.refresh_from_db()
    return picture.remote_url if picture.has_remote_copy() else upload(picture)


def upload(picture: Picture) -> str:
    if not Picture.objects.claim_upload(picture.pk):
        raise Wait
    try:
        with heygen.make_client() as client:
            asset = heygen.upload(client, read(picture), picture.content_type, seconds=settings.LEASE_SECONDS / 4)
    except HeyGenError as error:
        picture.give_up_upload()
        raise refusal(error) or error from error
    except (FrameRefused, OSError, httpx.InvalidURL):
        picture.give_up_upload()
        raise
    picture.remember_remote_copy(asset.asset_id, asset.url)
    return asset.url


def read(picture: Picture) -> bytes:
    try:
        with picture.file.open("rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise FrameRefused(Cause.PICTURE, MISSING) from error


def refusal(error: HeyGenError) -> FrameRefused | None:
    """A definite no to this picture; None for what concerns the account, or may pass."""
    if not error.is_definite and error.cause != Cause.RETIRED:
        return None
    if error.cause in SENTENCES:
        return FrameRefused(Cause.PICTURE, SENTENCES[error.cause], error.detail)
    if error.cause in {Cause.TOO_LARGE, Cause.PICTURE}:
        return FrameRefused(error.cause, str(error), error.detail)
    return None
