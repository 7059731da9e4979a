"""The page behind a review link, where a client without an account watches, approves, comments and downloads.

Prompts, models and members other than the sender are not shown, unless the link allows it. Everything is found through
the link, so nothing of another collection can be reached from it.
"""

import json
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from zipstream import ZIP_STORED, ZipStream

from videos.forms.fields import read_uuid
from videos.forms.reviews import ClientCommentForm
from videos.models import Agency, Clip, Comment, Preferences, ReviewLink, TooManyComments
from videos.models.review import CLIENT_STATES
from videos.storage.described_copy import size_of
from videos.views.addresses import address_for_others
from videos.views.archives import chunks, parts_of, sent
from videos.views.download_names import named, numbered, words_of
from videos.views.files import serve
from videos.views.review import Strip, threads_of
from videos.views.share import unlisted

SALT = "videos.client"
REMEMBERED_FOR = 90 * 24 * 3600  # seconds
SLOW_DOWN = "That is many comments at once. Wait ten minutes, then send this one; it is still here."
NO_MORE_TRIES = "Too many wrong passwords. Wait 15 minutes, then try again."
NOT_THIS_ONE = "This is not the password of this link."


# Access
def cookie_of(link: ReviewLink) -> str:
    return f"review-{link.pk}"


def remembered(request: HttpRequest, link: ReviewLink) -> dict:
    """The facts that this browser keeps about the link: the client's name, and whether the password was given."""
    try:
        kept = signing.loads(request.COOKIES.get(cookie_of(link), ""), salt=SALT, max_age=REMEMBERED_FOR)
        return kept if isinstance(kept, dict) else {}
    except (signing.BadSignature, json.JSONDecodeError):
        return {}


def remember(request: HttpRequest, response: HttpResponseBase, link: ReviewLink, **facts):
    """Stores these facts in a signed cookie that is sent only to review pages."""
    kept = {"key": link.key, **remembered(request, link), **facts}
    value = signing.dumps(kept, salt=SALT)
    options = {"httponly": True, "samesite": "Lax", "secure": request.is_secure()}
    response.set_cookie(cookie_of(link), value, max_age=REMEMBERED_FOR, path="/r/", **options)


def may_enter(request: HttpRequest, link: ReviewLink) -> bool:
    return not link.password or remembered(request, link).get("opened") == link.key


def with_link(asks_password: Callable | None = None) -> Callable:
    """Passes the link to the view, in place of the token. Answers itself if the link has ended or needs a password."""

    def decorate(view: Callable) -> Callable:
        @login_not_required
        @wraps(view)
        def answer(request: HttpRequest, token: str, *args, **kwargs) -> HttpResponseBase:
            link = ReviewLink.objects.find(token)
            try:
                if link is None:
                    raise Http404
                if not may_enter(request, link):
                    return unlisted(asks_password(request, token, link) if asks_password else gone(request, token))
                return unlisted(view(request, token, link, *args, **kwargs))
            except Http404:
                return unlisted(gone(request, token))

        return answer

    return decorate


def gone(request: HttpRequest, token: str) -> HttpResponse:
    """A page that says the link has ended, without any link into the studio."""
    ended = ReviewLink.objects.ended(token)
    return render(request, "client/gone.html", {"ended": ended}, status=404)


def ask_password(request: HttpRequest, token: str, link: ReviewLink, error: str = "") -> HttpResponse:
    context = {"token": token, "error": error, "agency": Agency.objects.current()}
    return render(request, "client/password.html", context, status=422 if error else 200)


@login_not_required
@require_POST
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Asks for the password, with a limited number of tries."""
    link = ReviewLink.objects.find(token)
    if link is None:
        return unlisted(gone(request, token))
    error = ""
    if not may_enter(request, link):
        if not link.take_try():
            error = NO_MORE_TRIES
        elif not link.is_password(request.POST.get("password", "")):
            error = NOT_THIS_ONE
        else:
            link.forget_tries()
    if error:
        return unlisted(ask_password(request, token, link, error))
    response = unlisted(redirect("client", token=token))
    remember(request, response, link, opened=link.key)
    return response


# Display
@require_safe
@with_link(ask_password)
def client(request: HttpRequest, token: str, link: ReviewLink) -> HttpResponse:
    return show(request, token, link)


def show(request: HttpRequest, token: str, link: ReviewLink, form=None, clip: Clip | None = None) -> HttpResponse:
    is_part = request.htmx.target == "review" and not request.htmx.history_restore_request
    template = "client/_review.html" if is_part else "client/client.html"
    context = client_context(request, token, link, form, clip)
    response = render(request, template, context, status=422 if form else 200)
    if form:  # otherwise the browser would show the address that only takes answers, which a reload cannot open
        response["HX-Replace-Url"] = address_of(token, clip)
    return response


def client_context(request: HttpRequest, token: str, link: ReviewLink, form, shown: Clip | None) -> dict:
    clips, answers = link.titled_clips(), dict(link.answers.values_list("clip", "state"))
    for number, clip in enumerate(clips, start=1):
        clip.number, clip.answer = number, answers.get(clip.pk, "")
    wanted = shown.public_id if shown else read_uuid(request.GET.get("clip", ""))
    clip = next((one for one in clips if one.public_id == wanted), None)
    clip = clip or next((one for one in clips if not one.answer), None) or next(iter(clips), None)
    strip = Strip(clips, state="", current=clip)
    return {
        "token": token,
        "link": link,
        "collection": link.collection,
        "agency": Agency.objects.current(),
        "clip": clip,
        "saved": clip.generation.saved_video if clip else None,
        "clips": clips,
        "window": strip.window,
        "before": strip.before,
        "after": strip.after,
        "seconds": sum(one.generation.saved_video.seconds for one in clips),
        "answered": sum(bool(one.answer) for one in clips),
        "approved": sum(one.answer == Clip.State.APPROVED for one in clips),
        "segments": segments_of(clips),
        "threads": threads_of(clip.comments.shown_to(link)) if clip else [],
        "name": remembered(request, link).get("name", ""),
        "comment_form": form or ClientCommentForm(),
        "address": address_for_others(request, reverse("client", args=[token])),
    }


def segments_of(clips: list[Clip]) -> list[dict]:
    """One segment for each clip, for the bar that shows how many are answered."""
    width = 100 / len(clips) if clips else 0
    return [
        {"at": f"{number * width:.2f}", "width": f"{width * 0.9:.2f}", "state": clip.answer or "open"}
        for number, clip in enumerate(clips)
    ]


# Answers and comments
def clip_of(link: ReviewLink, public_id) -> Clip:
    clip = link.shown_clips().with_everything().filter(public_id=public_id).first()
    if clip is None:
        raise Http404
    return clip


def address_of(token: str, clip: Clip | None) -> str:
    query = f"?{urlencode({'clip': clip.public_id})}" if clip else ""
    return reverse("client", args=[token]) + query


@require_POST
@with_link()
def answer(request: HttpRequest, token: str, link: ReviewLink, clip) -> HttpResponse:
    """Stores the answer and its comment. Approve moves on to the next open clip; a change request stays on this one."""
    answered, state = clip_of(link, clip), request.POST.get("state", "")
    if not link.may_approve or state not in CLIENT_STATES:
        raise Http404
    form = form_of(request, link)
    form.fields["text"].missing = ""
    if form.is_valid() and form.cleaned_data["text"]:
        write(form, link, answered)
    if form.errors:
        return show(request, token, link, form, answered)
    link.answer(answered, state, form.cleaned_data["name"])
    following = next_waiting(link, answered) if state == Clip.State.APPROVED else answered
    return go_on(request, token, link, form, following)


def form_of(request: HttpRequest, link: ReviewLink) -> ClientCommentForm:
    return ClientCommentForm(request.POST, known=remembered(request, link).get("name", ""))


def write(form: ClientCommentForm, link: ReviewLink, clip: Clip):
    """Stores the comment, if the link allows comments and there were not too many recently."""
    if not link.may_comment:
        raise Http404
    try:
        Comment.objects.write(clip, link=link, **form.cleaned_data)
    except TooManyComments:
        form.add_error("text", SLOW_DOWN)


def go_on(request: HttpRequest, token: str, link: ReviewLink, form: ClientCommentForm, clip: Clip) -> HttpResponse:
    response = redirect(address_of(token, clip))
    remember(request, response, link, name=form.cleaned_data["name"])
    return response


def next_waiting(link: ReviewLink, answered: Clip) -> Clip:
    """The next clip without an answer, starting again from the beginning; if there is none, the same clip."""
    clips, done = list(link.shown_clips()), set(link.answers.values_list("clip", flat=True))
    place = next((place for place, clip in enumerate(clips) if clip == answered), 0)
    return next((clip for clip in clips[place + 1 :] + clips[:place] if clip.pk not in done), answered)


@require_POST
@with_link()
def comment(request: HttpRequest, token: str, link: ReviewLink, clip) -> HttpResponse:
    commented, form = clip_of(link, clip), form_of(request, link)
    if not link.may_comment:
        raise Http404
    if form.is_valid():
        write(form, link, commented)
    if form.errors:
        return show(request, token, link, form, commented)
    return go_on(request, token, link, form, commented)


@csrf_exempt  # it changes nothing but a count, and a visitor has no session to forge with
@require_POST
@with_link()
def watched(request: HttpRequest, token: str, link: ReviewLink) -> HttpResponse:
    """Counts a view. The page's script sends this, so link previews by messengers do not count."""
    link.count_view()
    return HttpResponse(status=204)


# Files
@require_safe
@with_link()
def file(request: HttpRequest, token: str, link: ReviewLink, clip, name: str) -> HttpResponseBase:
    shown = clip_of(link, clip)
    saved = shown.generation.saved_video
    if name == "poster":
        return serve(request, saved.poster, "image/jpeg", f"{saved.sha256}-poster")
    wants_download = "download" in request.GET
    if wants_download and not link.may_download:
        raise Http404
    return serve(request, saved.file, "video/mp4", saved.sha256, file_name(link, shown) if wants_download else "")


def file_name(link: ReviewLink, shown: Clip) -> str:
    clips = link.titled_clips()
    names = zip(clips, names_of(link, clips), strict=True)
    return next((name for clip, name in names if clip == shown), "video.mp4")  # it was taken out meanwhile


def names_of(link: ReviewLink, clips: list[Clip]) -> list[str]:
    """By the sender's pattern, or by the collection, the place in it and the title. The title stands for the prompt,
    and nothing names a model where the link does not show them."""
    pattern = Preferences.objects.of(link.made_by).name_pattern
    collection = words_of(link.collection.name)
    if not pattern:
        return numbered(f"{collection} {number:02} {words_of(clip.title)}" for number, clip in enumerate(clips, 1))
    hidden = {} if link.shows_prompts else {"provider": "", "seed": ""}
    return numbered(
        named(pattern, clip.generation, number, {"prompt": words_of(clip.title), "collection": collection, **hidden})
        for number, clip in enumerate(clips, start=1)
    )


@require_safe
@with_link()
def approved(request: HttpRequest, token: str, link: ReviewLink) -> HttpResponseBase:
    """All approved clips, as one archive."""
    if not link.may_download:
        raise Http404
    done = set(link.answers.filter(state=Clip.State.APPROVED).values_list("clip", flat=True))
    archive = ZipStream(compress_type=ZIP_STORED, sized=True)
    clips = link.titled_clips()
    for clip, name in zip(clips, names_of(link, clips), strict=True):
        parts = parts_of(clip.generation, is_clean=True) if clip.pk in done else []  # none: its file is gone
        if parts:
            archive.add(chunks(clip.generation.saved_video.file, parts), name, size=size_of(parts))
    return sent(archive, f"{words_of(link.collection.name)}.zip")


@require_safe
@with_link()
def preview(request: HttpRequest, token: str, link: ReviewLink) -> HttpResponseBase:
    """The picture that messengers show as a preview of the link."""
    clips = list(link.shown_clips().with_everything())
    if not clips:
        raise Http404
    covers = [clip for clip in clips if clip.generation_id == link.collection.cover_id]
    saved = (covers or clips)[0].generation.saved_video
    return serve(request, saved.poster, "image/jpeg", f"{saved.sha256}-poster")


@login_not_required
@require_safe
def mark(request: HttpRequest, token: str) -> HttpResponseBase:
    """The agency's logo. It needs no password, because the password page shows it too."""
    shown = Agency.objects.current().mark
    if shown is None or ReviewLink.objects.find(token) is None:
        return unlisted(gone(request, token))
    return unlisted(serve(request, shown.file, shown.content_type, shown.sha256))
