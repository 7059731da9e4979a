"""Addresses under which the remote API may fetch a start or end frame from us, without signing in.

Used only where HEYGEN_UPLOAD_CALL is "own". From a bucket it is the bucket's own presigned link; otherwise the
studio's public address with a signed, timed token.
"""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from videos.models import Picture

LASTS = 24 * 3600  # seconds: a request may wait in the remote API's queue before its frames are fetched
SALT = "videos.signed_links"  # stays: links that were given out name it


def public_address(picture: Picture) -> str:
    if settings.BUCKET:
        return picture.file.storage.url(picture.file.name, expire=LASTS)
    return settings.STUDIO_URL + reverse("signed_picture", args=[make_token(picture)])


def make_token(picture: Picture) -> str:
    return signing.dumps(str(picture.public_id), salt=SALT)


def find_picture(token: str) -> Picture | None:
    """The picture that an unexpired token of ours names, or None."""
    try:
        public_id = signing.loads(token, salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    return Picture.objects.filter(public_id=public_id).first()
