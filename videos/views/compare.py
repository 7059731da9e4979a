"""Two to four videos side by side, and their differences."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from videos.forms.fields import read_uuid
from videos.lifecycle import Status
from videos.models import Batch, Generation
from videos.models.generation_queryset import GenerationQuerySet
from videos.templatetags.studio import clock, size
from videos.views.cards import cards_of

MIN_COMPARED, MAX_COMPARED = 2, 4
MAX_CHOICES = 40
BATCHES_OFFERED = 8
OTHERS_OFFERED = 12
LOOKED_THROUGH = 500  # the newest videos, or batches, among which there may be some to compare


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
        """(value, whether it stands out): it does if the others agree; if all differ, none stands out."""
        commonest = max(self.values, key=self.values.count)
        is_split = self.values.count(commonest) == 1
        return [(value, value != commonest and not is_split) for value in self.values]


@gzip_page
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """`/compare?g=<uuid>&g=<uuid>` or `/compare?batch=<uuid>`, of which `show=<uuid>` picks; otherwise a choice."""
    found = asked_for(request)
    candidates = found[:MAX_CHOICES]
    if len(candidates) < MIN_COMPARED and request.htmx:  # a button of a comparison that has lost its other videos
        return HttpResponseClientRefresh()
    if len(candidates) < MIN_COMPARED:
        return render(request, "compare/choose.html", choice(request.user, candidates))
    videos = chosen(request, candidates)
    rows = [Row(name, [fact(video) for video in videos]) for name, fact in FACTS.items()]
    context = {
        "verdict_rows": ",".join(f"#verdict-{video.public_id}" for video in videos),
        "cards": cards_of(videos, request.user),
        "own_address": f"{request.path}?{request.GET.urlencode()}",
        "can_wipe": len(videos) == MIN_COMPARED,
        "strip": strip(request, candidates, videos),
        "has_more": len(found) > len(candidates),
        "batch": read_uuid(request.GET.get("batch", "")),
        "videos": videos,
        "rows": rows,
        "differs": any(row.differs for row in rows),
        "asked_alike": not any(row.differs for row in rows if row.name in ASKED),
        "same_prompt": len({video.prompt for video in videos}) == 1,
        "tallest": min(videos, key=lambda video: video.saved_video.width / video.saved_video.height),
        "leader": max(videos, key=lambda video: video.saved_video.seconds),
        "first_with_sound": next((video for video in videos if video.saved_video.has_sound), None),
    }
    return render(request, "compare/compare.html", context)


def choice(user, videos: list[Generation]) -> dict:
    """With one video given, the videos to compare it with: those with the same prompt first, then the newest."""
    if not videos:
        return {"batches": comparable(user)}
    [first] = videos
    newest = Generation.objects.filter(tab="ready").exclude(pk=first.pk).newest_pks(user, LOOKED_THROUGH)
    same = Case(When(prompt=first.prompt, then=0), default=1, output_field=IntegerField())
    in_order = (same, "-pk")
    offered = Generation.objects.filter(pk__in=newest).order_by(*in_order).values_list("pk", flat=True)[:OTHERS_OFFERED]
    others = Generation.objects.filter(pk__in=list(offered)).with_everything().order_by(*in_order)
    return {"first": first, "others": others}


def ready_for(user) -> GenerationQuerySet:
    return Generation.objects.visible_to(user).kept().with_everything().filter(status=Status.READY)


def asked_for(request: HttpRequest) -> list[Generation]:
    """The saved videos that the address names, a batch or single ones in the given order: MAX_CHOICES, and one
    more if there are more."""
    ready = ready_for(request.user)
    batch = read_uuid(request.GET.get("batch", ""))
    if batch:
        return list(ready.filter(batch__public_id=batch).order_by("pk")[: MAX_CHOICES + 1])
    ids = ids_in(request, "g")[: MAX_CHOICES + 1]
    found = {video.public_id: video for video in ready.filter(public_id__in=ids)}
    return [found[public_id] for public_id in ids if public_id in found]


def ids_in(request: HttpRequest, name: str) -> list[uuid.UUID]:
    return list(dict.fromkeys(filter(None, map(read_uuid, request.GET.getlist(name)))))


def chosen(request: HttpRequest, videos: list[Generation]) -> list[Generation]:
    """The videos to compare: those that `show` names; otherwise one for each provider, if it is a batch or
    more than fit."""
    wanted = ids_in(request, "show")
    shown = [video for video in videos if video.public_id in wanted]
    if len(shown) < MIN_COMPARED and (request.GET.get("batch") or len(videos) > MAX_COMPARED):
        return one_for_each_provider(videos)
    return (shown if len(shown) >= MIN_COMPARED else videos)[:MAX_COMPARED]


def one_for_each_provider(videos: list[Generation]) -> list[Generation]:
    """The first video of each provider; the first videos, if all are by one."""
    shown = list({video.provider_id: video for video in reversed(videos)}.values())[::-1]
    return (shown if len(shown) >= MIN_COMPARED else videos)[:MAX_COMPARED]


@dataclass(frozen=True)
class Choice:
    """One video of the strip below, and the address that adds it to the comparison or removes it."""

    video: Generation
    is_shown: bool
    address: str


def strip(request: HttpRequest, videos: list[Generation], shown: list[Generation]) -> list[Choice]:
    """Empty if everything is shown already."""
    if len(videos) == len(shown):
        return []
    return [Choice(video, video in shown, address_of(request, swapped(video, shown))) for video in videos]


def swapped(video: Generation, shown: list[Generation]) -> list[Generation]:
    """The videos shown after a click on this video of the strip; unchanged if those would be too few."""
    if video in shown:
        return [other for other in shown if other != video] if len(shown) > MIN_COMPARED else shown
    if len(shown) < MAX_COMPARED:
        return [*shown, video]
    same_provider = [other for other in shown if other.provider_id == video.provider_id]
    leaves = same_provider[0] if same_provider else shown[-1]
    return [video if other == leaves else other for other in shown]


def address_of(request: HttpRequest, shown: list[Generation]) -> str:
    query = request.GET.copy()
    query.setlist("show", [str(video.public_id) for video in shown])
    return f"?{query.urlencode()}"


def comparable(user) -> list[tuple[Batch, list[Generation]]]:
    """The newest batches that made at least two videos, each with those of its comparison."""
    ready = Q(generations__status=Status.READY, generations__trashed_at=None)
    newest = list(user.batches.order_by("-pk").values_list("pk", flat=True)[:LOOKED_THROUGH])
    batches = user.batches.filter(pk__in=newest).annotate(ready=Count("generations", filter=ready))
    batches = batches.filter(ready__gte=MIN_COMPARED)
    batches = batches.prefetch_related("generations__provider", "generations__saved_video")
    return [(batch, first_shown(batch)) for batch in batches.order_by("-pk")[:BATCHES_OFFERED]]


def first_shown(batch: Batch) -> list[Generation]:
    """The videos with which the comparison of this batch begins."""
    saved = [video for video in batch.generations.all() if video.status == Status.READY and not video.trashed_at]
    ready = sorted(saved, key=lambda video: video.pk)[:MAX_CHOICES]
    return one_for_each_provider(ready)


def frame_words(picture, address: str) -> str:
    return "uploaded" if picture else address or "none"


def settings_words(generation: Generation) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(generation.config.items())) or "none"


ASKED = {"Prompt", "Provider", "Ratio", "Start frame", "End frame", "Settings"}  # the others are measured
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
