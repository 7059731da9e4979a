"""Start and end frames of a request: an upload, a frame of a saved video, an earlier picture or an address."""

import re
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from videos.forms.fields import read_uuid
from videos.models import Generation, Job, Picture, StudioFault
from videos.storage.frames import open_frame
from videos.storage.picture_limits import PictureRefused
from videos.storage.pictures import Redrawn
from videos.storage.probe import NotAVideo
from videos.storage.redraw_process import RedrawFault, redraw_apart

LONGEST_ADDRESS = 2_000
HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+")


def keep_upload(owner, file: UploadedFile) -> Picture:
    """Redraws and stores the upload. Raises ValidationError with a sentence for the person."""
    try:
        return Picture.objects.keep(owner, redrawn(file))
    except PictureRefused as refusal:
        raise forms.ValidationError(str(refusal)) from refusal


def redrawn(file) -> Redrawn:
    """Raises PictureRefused; a fault of the studio in reading it is recorded."""
    try:
        found = redraw_apart(file, settings.DATA / "redrawing", settings.REDRAWS_AT_ONCE)
    except RedrawFault as fault:
        StudioFault.objects.record_at(Job.PICTURES, fault.error, fault.place)
        raise PictureRefused(str(fault)) from fault
    StudioFault.objects.clear(Job.PICTURES)
    return found


def find_picture(owner, public_id: str) -> Picture:
    picture = Picture.objects.visible_to(owner).filter(public_id=read_uuid(public_id)).first()
    if picture is None:
        raise forms.ValidationError("That picture is no longer here; add it again.")
    return picture


def keep_last_frame(owner, public_id: str) -> Picture:
    return keep_frame(owner, public_id, None)


def keep_frame(owner, public_id: str, at: float | None) -> Picture:
    """A saved video's frame at this second, or its last frame, as a new picture of the owner."""
    videos = Generation.objects.visible_to(owner).kept().with_everything()
    generation = videos.filter(public_id=read_uuid(public_id), saved_video__isnull=False).first()
    if generation is None:
        raise forms.ValidationError("That video is no longer here; choose another frame.")
    try:
        with open_frame(generation.saved_video, at) as file:
            return Picture.objects.keep(owner, redrawn(file))
    except (OSError, NotAVideo, PictureRefused) as error:
        raise forms.ValidationError("That frame cannot be read; choose another frame.") from error


def check_address(address: str) -> str:
    """The address of a picture that the remote API will fetch. Raises ValidationError."""
    if len(address) > LONGEST_ADDRESS:
        raise forms.ValidationError(f"The address is longer than {LONGEST_ADDRESS:,} characters.")
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        is_good = parts.scheme in {"http", "https"} and HOST.fullmatch(host) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[\s\x00-\x1f\x7f\ufffd\\<>\"]", address):
        raise forms.ValidationError("Enter the picture's full address, such as https://example.com/picture.jpg.")
    if "@" in parts.netloc:
        raise forms.ValidationError("This address contains a password; use one without.")
    return address
