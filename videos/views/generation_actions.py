"""Actions on one generation by its owner. Views call the model, which acts or reports that it no longer can.

Every answer is the current card, so a click that came too late shows the present state instead of an error.
"""

from collections.abc import Callable

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import escape
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from videos import wording
from videos.accounts import roles
from videos.engine.account_check import resume_sending
from videos.engine.enqueue import enqueue_batch, enqueue_submit
from videos.forms.generate import TOKEN
from videos.models import (
    AlreadyRetried,
    Batch,
    Generation,
    NotConfirmed,
    OtherContents,
    OverBudget,
    Question,
    TokenTaken,
    Verdict,
    audit,
)
from videos.models.studio_settings import current
from videos.models.transactions import retried
from videos.monitoring.banners import banners_for
from videos.remotes.errors import Cause, RemoteError
from videos.views.cards import answer_with_cards, cards_of, own_generation, queued
from videos.views.next_page import asked_next, redirect_to
from videos.views.viewer import viewer_context

UNDER_WAY = "This is still in progress, so it stays in the gallery."
SETTLE_FIRST = "This may have been charged. Resolve this first, then it can be deleted."
OUT_OF_DATE = "This page is out of date. Reload it and try again; nothing was sent."
ALREADY_RETRIED = "This was already retried. Nothing was sent."
FIRST_OF_YOURS = "This is now the next of yours to be sent."
NOT_NOW = "This is waiting to be tried again, so it can't be moved now."
NEEDS_CONFIRMATION = "Owners want a confirmation before this much is spent. Nothing was sent yet."
OUT_OF_QUEUE = "Taken out of the queue, and never sent. Change it below, then press Generate."
TOO_LATE = "This has changed in the meantime; here is its present state."


def shown(request: HttpRequest, public_id) -> Generation:
    visible = Generation.objects.visible_to(request.user).with_everything()
    return get_object_or_404(visible, public_id=public_id)


def answer(
    request: HttpRequest, generation: Generation, said: str = "", is_bad: bool = False, **context
) -> HttpResponse:
    if not request.htmx:
        if said:
            messages.add_message(request, messages.ERROR if is_bad else messages.INFO, said)
        return redirect_to(asked_next(request) or f"/#g-{generation.public_id}")
    generation = shown(request, generation.public_id)  # as it is now, with everything that its card shows
    is_shown = generation.trashed_at is None
    return answer_with_cards(
        request,
        cards_of([generation] if is_shown else [], request.user),
        gone=[] if is_shown else [generation.public_id],
        said=said,
        said_is_bad=is_bad,
        **context,
    )


def after_move(request: HttpRequest, public_id, move: Callable[..., bool]) -> HttpResponse:
    """Makes one of the owner's moves, such as Generation.cancel, and says so if it came too late."""
    said = "" if move(own_generation(request, public_id), by=request.user) else TOO_LATE
    return answer(request, own_generation(request, public_id), said)


@require_POST
def cancel(request: HttpRequest, public_id) -> HttpResponse:
    return after_move(request, public_id, Generation.cancel)


@require_POST
def hold(request: HttpRequest, public_id) -> HttpResponse:
    return after_move(request, public_id, Generation.hold)


@require_POST
def let_go(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    said = "" if generation.let_go(by=request.user) else TOO_LATE
    enqueue_submit(generation.pk)
    return answer(request, own_generation(request, public_id), said)


@require_POST
def to_front(request: HttpRequest, public_id) -> HttpResponse:
    is_first = own_generation(request, public_id).move_to_front(by=request.user)
    generation = own_generation(request, public_id)
    refusal = NOT_NOW if generation.is_in_queue else TOO_LATE
    return answer(request, generation, FIRST_OF_YOURS if is_first else refusal)


@require_POST
def edit(request: HttpRequest, public_id) -> HttpResponse:
    """Cancels it before it is sent, and fills the composer with it."""
    generation = own_generation(request, public_id)
    if not generation.cancel(by=request.user):
        return answer(request, own_generation(request, public_id), TOO_LATE)
    if not request.htmx:
        return redirect(f"/?{urlencode({'reuse': generation.public_id})}")
    return answer(request, generation, OUT_OF_QUEUE, fill_from=generation)


@require_POST
def retry(request: HttpRequest, public_id) -> HttpResponse:
    """Retries as a new generation linked to this one. Because of the token, a double click makes only one.

    A second retry of the same generation needs `again`, and an expensive one `confirmed`: without it the answer is a
    question.
    """
    generation, token = own_generation(request, public_id), request.POST.get("token", "")
    if not TOKEN.fullmatch(token):
        return answer(request, generation, OUT_OF_DATE, is_bad=True)
    again, confirmed = "again" in request.POST, request.POST.get("confirmed", "")
    try:
        batch = make_again(generation, request.user, token, again, confirmed)
    except NotConfirmed as asked:
        return ask_first(request, own_generation(request, public_id), asked.question)
    except OverBudget as refusal:
        return answer(request, own_generation(request, public_id), str(refusal), is_bad=True)
    except OtherContents:
        return answer(request, generation, OUT_OF_DATE, is_bad=True)
    except AlreadyRetried:
        return ask_again(request, own_generation(request, public_id))
    except TokenTaken as error:
        raise Http404 from error
    made = list(batch.generations.with_everything())
    if not request.htmx:
        return redirect_to(f"/#g-{made[0].public_id}")
    cards = cards_of([own_generation(request, public_id)], request.user) + cards_of(made, request.user, is_new=True)
    return answer_with_cards(request, cards, **queued(batch))


@retried
def make_again(generation: Generation, owner, token: str, again: bool, confirmed: str = "") -> Batch:
    batch = Batch.objects.retry(generation, owner, token, again, confirmed)
    enqueue_batch(batch)
    return batch


def ask_again(request: HttpRequest, generation: Generation) -> HttpResponse:
    """With scripts off, the video's own page has the button that confirms."""
    if not request.htmx:
        messages.warning(request, ALREADY_RETRIED)
        return redirect("viewer", public_id=generation.public_id)
    [card] = cards_of([generation], request.user)
    question = {"address": request.path, "card": card}
    return answer_with_cards(request, [card], said=ALREADY_RETRIED, said_is_bad=True, question=question)


def ask_first(request: HttpRequest, generation: Generation, question: Question) -> HttpResponse:
    """Owners want a confirmation at this price: a toast asks, or a page of its own where scripts are off."""
    if not request.htmx:
        context = {"question": question, "typed": request.POST, "generation": generation}
        return render(request, "compose/confirm.html", context, status=422)
    [card] = cards_of([generation], request.user)
    asked = {"address": request.path, "card": card, "confirmed": question.key, "again": "again" in request.POST}
    return answer_with_cards(request, [card], said=NEEDS_CONFIRMATION, question=asked)


@require_POST
def found(request: HttpRequest, public_id) -> HttpResponse:
    """The owner found the job at the remote API. A free request checks that it exists before it is linked."""
    generation = own_generation(request, public_id)
    remote_id = request.POST.get("remote_id", "").strip()
    if problem := why_not_linked(generation, remote_id):
        return not_linked(request, generation, problem)
    try:
        said = "" if generation.resolve_as_found(remote_id, by=request.user) else TOO_LATE
    except IntegrityError:
        return not_linked(request, generation, wording.sentence("found", "elsewhere", generation.remote_name))
    return answer(request, own_generation(request, public_id), said)


def not_linked(request: HttpRequest, generation: Generation, problem: str) -> HttpResponse:
    """Shows the error next to the field, which keeps what was typed."""
    if not request.htmx:
        said = {"id_problem": problem, "typed_id": request.POST.get("remote_id", "")}
        return render(request, "viewer/viewer.html", viewer_context(request, generation) | said, status=422)
    response = HttpResponse(escape(problem), status=422)
    response["HX-Retarget"], response["HX-Reswap"] = f"#found-error-{generation.public_id}", "innerHTML"
    return response


def why_not_linked(generation: Generation, remote_id: str) -> str:
    """An error, or "" if the remote API knows the id and no other generation has it."""
    remote = generation.remote
    if not remote.is_valid_id(remote_id):
        return wording.sentence("found", "invalid", remote.name, example=remote.id_example)
    others = Generation.objects.filter(backend=generation.backend, remote_id=remote_id).exclude(pk=generation.pk)
    if others.exists():
        return wording.sentence("found", "elsewhere", remote.name)
    try:
        is_missing = remote.poll(remote_id).is_missing
    except RemoteError as error:
        if error.cause != Cause.NOT_FOUND:
            return wording.sentence("found", "key" if error.cause == Cause.KEY else "not_checked", remote.name)
        is_missing = True
    return wording.sentence("found", "not_found", remote.name) if is_missing else ""


@require_POST
def not_made(request: HttpRequest, public_id) -> HttpResponse:
    return after_move(request, public_id, Generation.resolve_as_not_made)


@require_POST
def stop(request: HttpRequest, public_id) -> HttpResponse:
    return after_move(request, public_id, Generation.stop_waiting)


@require_POST
def check(request: HttpRequest, public_id) -> HttpResponse:
    return after_move(request, public_id, Generation.check_again)


@require_POST
def favourite(request: HttpRequest, public_id) -> HttpResponse:
    """Each person has their own stars, on shared videos too."""
    generation = shown(request, public_id)
    in_comparison = request.htmx and request.POST.get("in") == "compare" and asked_next(request)
    if in_comparison:
        require_kept(generation)
    wanted = request.POST.get("favourite")
    is_favourite = generation.favourites.filter(user=request.user).exists()
    generation.mark_favourite(wanted == "1" if wanted in {"0", "1"} else not is_favourite, request.user)
    if in_comparison:  # the comparison page, from which the button is taken
        return redirect_to(asked_next(request))
    if request.htmx and request.POST.get("in") == "viewer":
        [card] = cards_of([shown(request, public_id)], request.user)
        context = {"generation": generation, "card": card, "own_address": asked_next(request)}
        return render(request, "viewer/_favourite.html", context)
    return answer(request, generation)


@require_POST
def verdict(request: HttpRequest, public_id) -> HttpResponse:
    """Sets this person's own verdict: `word` is kept, rejected, or empty to take it back."""
    generation, word = shown(request, public_id), request.POST.get("word", "")
    in_comparison = request.htmx and asked_next(request)
    if in_comparison:
        require_kept(generation)
    Verdict.objects.decide(request.user, generation, word if word in Verdict.Word.values else "")
    if in_comparison:  # the comparison page, from which the buttons are taken
        return redirect_to(asked_next(request))
    return answer(request, generation)


def require_kept(generation: Generation):
    """A comparison has no videos of the trash. Raises Http404."""
    if generation.trashed_at:
        raise Http404


@require_POST
def seen(request: HttpRequest, public_id) -> HttpResponse:
    own_generation(request, public_id).mark_seen()
    return HttpResponse(status=204)


@require_POST
def trash(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    if not generation.move_to_trash(by=request.user):
        return answer(request, generation, UNDER_WAY if generation.in_progress else SETTLE_FIRST, is_bad=True)
    words = f"Moved to the trash, where it stays for {current().trash_days} days."
    return answer(request, generation, words, undo=[generation])


@require_POST
def restore(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    generation.restore(by=request.user)
    return answer(request, generation, "Back in the gallery.")


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Resumes sending. Only owners and managers may, because resuming by mistake costs money."""
    if not roles.may_manage(request.user):
        raise Http404
    resume_sending(request.POST.get("backend", "all"))
    audit.record(request.user, "sending", "Resumed from the banner.")
    if request.htmx:
        return render(request, "_banners.html", {"banners": banners_for(request.user)})
    return redirect("gallery")
