"""Frames for the remote APIs, by signed links: the only way to get a picture without signing in."""

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404
from django.views.decorators.http import require_safe

from videos.engine import signed_links


@login_not_required
@require_safe
def signed_picture(request, token):
    picture = signed_links.find_picture(token)
    if picture is None:
        raise Http404
    response = FileResponse(picture.file.open("rb"), content_type=picture.content_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
