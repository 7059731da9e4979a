"""Imports videos that were made outside the studio."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_http_methods

from videos.body_limits import takes_uploads
from videos.engine.imports import TooLarge, import_video
from videos.models import Generation
from videos.models.studio_settings import current
from videos.storage.not_saved import NotSaved
from videos.templatetags.studio import size

MAX_FILES = 10
MAX_BYTES = 2 * 1024**3  # of all files of one form together


@takes_uploads(MAX_BYTES)
@require_http_methods(["GET", "HEAD", "POST"])
def import_videos(request: HttpRequest) -> HttpResponse:
    """Imports each file on its own. A refused file is listed with the reason, and so are those beyond MAX_FILES."""
    files = request.FILES.getlist("videos")
    kept, refused, left_out = [], [], [file.name for file in files[MAX_FILES:]]
    for file in files[:MAX_FILES]:
        video, reason = imported(request.user, file)
        kept += [video] * bool(video)
        refused += [(file.name, reason)] * bool(reason)
    if kept:
        messages.success(request, sentence_about(kept))
    if kept and not refused and not left_out:
        return redirect("gallery")
    is_empty = request.method == "POST" and not files
    context = {"refused": refused, "left_out": left_out, "is_empty": is_empty, **limits()}
    return render(request, "account/import.html", context, status=422 if refused or left_out or is_empty else 200)


def limits() -> dict[str, int]:
    """What one form takes: a number of files, and bytes of each and of all together."""
    return {
        "max_files": MAX_FILES,
        "max_bytes": min(current().max_video_bytes, MAX_BYTES),
        "max_together": MAX_BYTES,
    }


def sentence_about(videos: list[Generation]) -> str:
    """How many are imported, with a link to each in the viewer."""
    count = "1 video is imported" if len(videos) == 1 else f"{len(videos)} videos are imported"
    links = ((reverse("viewer", args=[video.public_id]), video.prompt) for video in videos)
    return format_html("{}: {}.", count, format_html_join(", ", '<a href="{}"><bdi>{}</bdi></a>', links))


def imported(owner, file) -> tuple[Generation | None, str]:
    """The imported video, or the reason for refusing the file."""
    try:
        return import_video(owner, file), ""
    except TooLarge:
        return None, f"It is larger than {size(current().max_video_bytes)}, the most that this studio keeps."
    except NotSaved as error:
        return None, f"{str(error)[:1].upper()}{str(error)[1:]}".rstrip(".") + "."
