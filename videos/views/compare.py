"""Two to four videos side by side, and what differs between them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from videos.forms import read_uuid
from videos.lifecycle import Status
from videos.models import Batch, Generation
from videos.models.generation_queryset import GenerationQuerySet
from videos.templatetags.studio import clock, size

FEWEST, MOST = 2, 4
BATCHES_OFFERED = 8
OTHERS_OFFERED = 12


@dataclass(frozen=True)
class Row:
    """One fact of each video."""

    name: str
    values: list[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1

    @property
    def cells(self) -> list[tuple[str, bool]]:
        """(value, whether it stands out): it does where others agree; where none do, nothing stands out."""
        most = max(self.values, key=self.values.count)
        is_split = self.values.count(most) == 1
        return [(value, value != most and not is_split) for value in self.values]


@gzip_page
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """`/compare?g=<uuid>&g=<uuid>` or `/compare?batch=<uuid>`; with neither, what could be compared."""
    videos = asked_for(request)
    if len(videos) < FEWEST:
        return render(request, "compare/choose.html", choice(request.user, videos))
    context = {
        "videos": videos,
        "rows": [Row(name, [fact(video) for video in videos]) for name, fact in FACTS.items()],
        "same_prompt": len({video.prompt for video in videos}) == 1,
        "tallest": min(videos, key=lambda video: video.saved_video.width / video.saved_video.height),
        "leader": max(videos, key=lambda video: video.saved_video.seconds),
        "first_with_sound": next((video for video in videos if video.saved_video.has_sound), None),
    }
    return render(request, "compare/compare.html", context)


def choice(user, videos: list[Generation]) -> dict:
    """With one video given, what it may be laid beside: the same words first, then the newest."""
    if not videos:
        return {"batches": comparable(user)}
    [first] = videos
    others = ready_for(user).exclude(pk=first.pk)
    same = Case(When(prompt=first.prompt, then=0), default=1, output_field=IntegerField())
    return {"first": first, "others": others.order_by(same, "-pk")[:OTHERS_OFFERED]}


def ready_for(user) -> GenerationQuerySet:
    return Generation.objects.visible_to(user).kept().with_everything().filter(status=Status.READY)


def asked_for(request: HttpRequest) -> list[Generation]:
    """Up to MOST videos with a saved copy, in the order asked for."""
    ready = ready_for(request.user)
    batch = read_uuid(request.GET.get("batch", ""))
    if batch:
        return list(ready.filter(batch__public_id=batch).order_by("pk")[:MOST])
    ids = list(dict.fromkeys(filter(None, map(read_uuid, request.GET.getlist("g")))))[:MOST]
    found = {video.public_id: video for video in ready.filter(public_id__in=ids)}
    return [found[public_id] for public_id in ids if public_id in found]


def comparable(user) -> list[Batch]:
    """The newest presses that made at least two videos."""
    ready = Q(generations__status=Status.READY, generations__trashed_at=None)
    batches = user.batches.annotate(ready=Count("generations", filter=ready)).filter(ready__gte=FEWEST)
    batches = batches.prefetch_related("generations__provider", "generations__saved_video")
    return list(batches.order_by("-pk")[:BATCHES_OFFERED])


def frame_words(picture, address: str) -> str:
    return "uploaded" if picture else address or "none"


def settings_words(generation: Generation) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(generation.config.items())) or "none"


FACTS: dict[str, Callable[[Generation], str]] = {
    "Prompt": lambda video: video.prompt,
    "Provider": lambda video: video.provider.name,
    "Ratio": lambda video: video.aspect_ratio,
    "Length": lambda video: f"{video.saved_video.seconds:.1f} s",
    "Pixels": lambda video: f"{video.saved_video.width} × {video.saved_video.height}",
    "Frames a second": lambda video: f"{video.saved_video.fps:.3g}",
    "Sound": lambda video: "yes" if video.saved_video.has_sound else "no",
    "Size": lambda video: size(video.saved_video.size),
    "Took": lambda video: clock(video.took_seconds),
    "Start frame": lambda video: frame_words(video.start_frame, video.start_frame_url),
    "End frame": lambda video: frame_words(video.end_frame, video.end_frame_url),
    "Settings": settings_words,
}
