"""The review page of a collection: one clip with its comments, and the other clips below it."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from videos.forms.collections import NAME_TAKEN, CollectionForm
from videos.forms.fields import read_uuid
from videos.forms.reviews import CommentForm
from videos.models import Clip, Collection, Comment, Generation, NameTaken, ReviewLink, TooManyComments
from videos.models.collection import give_titles
from videos.models.review import CommentQuerySet
from videos.views.archives import archive_of
from videos.views.collections import address_of, own, visible

STRIP = 60  # clips below the player, around the one that is shown
STATES = dict(Clip.State.choices)
DECISIONS = {  # state → the words on its button before and after, and its key
    Clip.State.TO_REVIEW: ("To review", "To review", "1"),
    Clip.State.APPROVED: ("Approve", "Approved", "2"),
    Clip.State.CHANGE: ("Request change", "Change requested", "3"),
    Clip.State.REJECTED: ("Reject", "Rejected", "4"),
}
TOO_MANY = "This video has reached its limit of comments. Continue in a new take."


@dataclass(frozen=True)
class Strip:
    """The clips of a collection that a person sees, in order, and the one that is shown."""

    clips: list[Clip]
    state: str
    current: Clip | None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def place(self) -> int:
        return self.clips.index(self.current) if self.current in self.clips else 0

    @property
    def window(self) -> list[Clip]:
        start = max(0, min(self.place - STRIP // 2, len(self.clips) - STRIP))
        return self.clips[start : start + STRIP]

    @property
    def in_progress(self) -> bool:
        """Whether a video that the page shows is still to come."""
        return any(clip.generation.in_progress for clip in self.window)

    @property
    def number(self) -> int:
        return self.place + 1

    @property
    def before(self) -> Clip | None:
        return self.clips[self.place - 1] if self.place else None

    @property
    def after(self) -> Clip | None:
        return next(iter(self.clips[self.place + 1 :]), None)

    def next_to_review(self) -> Clip | None:
        """The next undecided clip, starting again from the beginning; if all are decided, the clip after this one."""
        after = self.clips[self.place + 1 :] + self.clips[: self.place]
        return next((clip for clip in after if clip.state == Clip.State.TO_REVIEW), None) or self.after


def strip_of(request: HttpRequest, collection: Collection) -> Strip:
    """Reads the address: `clip` is the clip to show, `state` filters the clips below it."""
    everything = list(collection.clips.visible_to(request.user).in_order())
    counts = {state: sum(clip.state == state for clip in everything) for state in STATES}
    state = request.GET.get("state", "")
    wanted = read_uuid(request.GET.get("clip", ""))
    current = next((clip for clip in everything if clip.public_id == wanted), None)
    clips = [clip for clip in everything if clip.state == state or clip == current] if state in STATES else everything
    shown = current or next((clip for clip in clips if clip.state == Clip.State.TO_REVIEW), None)
    shown = shown or next(iter(clips or everything), None)
    return Strip(clips, state if state in STATES else "", shown, counts)


@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def collection(request: HttpRequest, public_id) -> HttpResponse:
    """The whole page, or only the part that changes from clip to clip."""
    shown = visible(request, public_id)
    if request.htmx.target != "shots":  # the page that loads its videos again: nobody may be looking
        ReviewLink.objects.mark_looked_at(shown, request.user)
    is_part = request.htmx.target in ("review", "shots") and not request.htmx.history_restore_request
    template = "review/_review.html" if is_part else "collections/collection.html"
    return render(request, template, review_context(request, shown))


@require_POST
def edit(request: HttpRequest, public_id) -> HttpResponse:
    """Changes the name and note of the collection."""
    changed = own(request, public_id)
    form = CollectionForm(request.POST)
    if form.is_valid():
        try:
            changed.rename(form.cleaned_data["name"], form.cleaned_data["note"])
            return redirect(address_of(changed))
        except NameTaken:
            form.add_error("name", NAME_TAKEN)
    return render(request, "collections/collection.html", review_context(request, changed, form), status=422)


def review_context(request: HttpRequest, shown: Collection, form: CollectionForm | None = None) -> dict:
    strip = strip_of(request, shown)
    fill(strip, request.user)
    total = sum(strip.counts.values())
    return {
        "collection": shown,
        "is_mine": shown.owner_id == request.user.pk,
        "form": form or CollectionForm(initial={"name": shown.name, "note": shown.note}),
        "strip": strip,
        "clip": strip.current,
        "here": f"{address_of(shown)}?{urlencode({'clip': strip.current.public_id})}" if strip.current else "",
        "total": total,
        "decisions": decisions_of(strip.current) if strip.current else [],
        "bar": bar_of(strip.counts),
        "tabs": tabs_of(shown, strip, total),
        "query": f"state={strip.state}&" if strip.state else "",
        "links": list(shown.links.not_ended()[:2]) if shown.owner_id == request.user.pk else [],
        **comments_context(request, strip.current),
    }


def fill(strip: Strip, user):
    """Adds to the displayed clips their videos, this person's titles, and the number of open comments."""
    window = strip.window if strip.current is None or strip.current in strip.window else [*strip.window, strip.current]
    rows = Clip.objects.with_everything().in_bulk([clip.pk for clip in window])
    comments = Comment.objects.open_counts([clip.pk for clip in window])
    for clip in window:
        full = rows.get(clip.pk)
        clip.generation = full.generation if full else clip.generation
        clip.open_comments = comments.get(clip.pk, 0)
    give_titles(window, user)


def bar_of(counts: dict[str, int]) -> list[dict]:
    """The parts of the progress bar, as shares of a hundred."""
    total, at, parts = sum(counts.values()), 0.0, []
    for state in (Clip.State.APPROVED, Clip.State.CHANGE, Clip.State.REJECTED):
        width = 100 * counts[state] / total if total else 0
        parts.append({"state": state, "at": f"{at:.2f}", "width": f"{width:.2f}"})
        at += width
    return parts


def tabs_of(shown: Collection, strip: Strip, total: int) -> list[dict]:
    tabs = [("", "All", total)] + [(state, name, strip.counts[state]) for state, name in STATES.items()]
    return [
        {
            "name": name,
            "count": count,
            "address": f"{address_of(shown)}?{urlencode({'state': state})}" if state else address_of(shown),
            "is_current": state == strip.state,
        }
        for state, name, count in tabs
    ]


# Decisions
def decisions_of(clip: Clip) -> list[dict]:
    return [
        {"state": state, "key": key, "words": after if clip.state == state else before, "is_set": clip.state == state}
        for state, (before, after, key) in DECISIONS.items()
    ]


def clip_of(request: HttpRequest, public_id, clip) -> Clip:
    """A clip whose collection and video this person may see."""
    shown = visible(request, public_id)
    return get_object_or_404(shown.clips.visible_to(request.user).with_everything(), public_id=clip)


@require_POST
def decide(request: HttpRequest, public_id, clip) -> HttpResponse:
    """Sets the state and moves on to the next clip to review."""
    decided, state = clip_of(request, public_id, clip), request.POST.get("state", "")
    if state not in STATES:
        raise Http404
    strip = strip_of(request, decided.collection)
    strip = Strip(strip.clips, strip.state, next((one for one in strip.clips if one == decided), None), strip.counts)
    following = strip.next_to_review() if strip.current and state != Clip.State.TO_REVIEW else None
    decided.decide(state, request.user.get_username())
    query = {"state": strip.state} if strip.state else {}
    query |= {"clip": (following or decided).public_id}
    return redirect(f"{address_of(decided.collection)}?{urlencode(query)}")


@require_safe
def approved(request: HttpRequest, public_id) -> HttpResponseBase:
    """All approved videos as one archive."""
    shown = visible(request, public_id)
    rows = Generation.objects.visible_to(request.user).kept().with_everything()
    rows = rows.filter(clips__collection=shown, clips__state=Clip.State.APPROVED, saved_video__isnull=False)
    if rows := list(rows.order_by("clips__position")):
        return archive_of(rows, request.user, collection=shown)
    messages.info(request, "Nothing is approved yet, so there is nothing to download.")
    return redirect(address_of(shown))


# Comments
def comments_context(request: HttpRequest, clip: Clip | None, form: CommentForm | None = None) -> dict:
    threads = threads_of(clip.comments.all()) if clip else []
    return {
        "threads": [thread for thread in threads if not thread.resolved_at],
        "resolved": [thread for thread in threads if thread.resolved_at],
        "comment_form": form or CommentForm(),
    }


def threads_of(comments: CommentQuerySet) -> list[Comment]:
    """Those that begin a thread, in the order of the panel, each with its replies as `answers`, the oldest first."""
    rows = list(comments.with_everything().in_order())
    replies: dict[int, list[Comment]] = {}
    for row in sorted(rows, key=lambda row: row.pk):
        replies.setdefault(row.parent_id, []).append(row)
    threads = [row for row in rows if row.parent_id is None]
    for thread in threads:
        thread.answers = replies.get(thread.pk, [])
    return threads


@require_POST
def comment(request: HttpRequest, public_id, clip) -> HttpResponse:
    """`text`, and `at`, `area`, `parent`, `for_client` where they apply."""
    commented = clip_of(request, public_id, clip)
    form = CommentForm(request.POST, clip=commented)
    if form.is_valid():
        try:
            fields = {"author": request.user, "name": request.user.get_username(), **form.cleaned_data}
            Comment.objects.write(commented, **fields)
            form = None
        except TooManyComments:
            form.add_error("text", TOO_MANY)
    return show_comments(request, commented, form)


@require_POST
def resolve(request: HttpRequest, public_id, pk) -> HttpResponse:
    changed = comment_of(request, public_id, pk)
    changed.resolve(request.user, "resolved" in request.POST)
    return show_comments(request, changed.clip)


@require_POST
def remove_comment(request: HttpRequest, public_id, pk) -> HttpResponse:
    """Removes a comment. Its author and the owner of the collection may do so."""
    removed = comment_of(request, public_id, pk)
    if removed.author_id != request.user.pk and removed.clip.collection.owner_id != request.user.pk:
        raise Http404
    removed.remove()
    return show_comments(request, removed.clip)


def comment_of(request: HttpRequest, public_id, pk) -> Comment:
    shown = visible(request, public_id)
    clips = shown.clips.visible_to(request.user)
    return get_object_or_404(Comment.objects.select_related("clip__collection").filter(clip__in=clips), pk=pk)


def show_comments(request: HttpRequest, clip: Clip, form: CommentForm | None = None) -> HttpResponse:
    """The updated panel, or the whole page without scripts."""
    status = 422 if form else 200
    if not request.htmx and not form:
        return redirect(f"{address_of(clip.collection)}?{urlencode({'clip': clip.public_id})}")
    context = {"collection": clip.collection, "clip": clip, **comments_context(request, clip, form)}
    template = "review/_comments.html" if request.htmx else "review/comments.html"
    return render(request, template, context, status=status)
