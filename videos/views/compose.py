"""The Generate button, and choosing frames while composing."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from videos.body_limits import takes_uploads
from videos.engine.enqueue import enqueue_batch
from videos.forms.frames import check_address, find_picture, keep_frame, keep_upload
from videos.forms.generate import FRAMES, GenerateForm
from videos.forms.prompt_words import WORDS
from videos.models import (
    Batch,
    Collection,
    CollectionFull,
    NotConfirmed,
    OtherContents,
    OverBudget,
    Picture,
    Preferences,
    Question,
    TokenTaken,
)
from videos.models.collection import MAX_CLIPS
from videos.models.transactions import retried
from videos.views.cards import answer_with_cards, cards_of, new_token, queued
from videos.views.composer_context import (
    advice_context,
    composer_context,
    has_earlier_frames,
    left_for,
    offered_providers,
    slot_context,
    starting_values,
    values_from_file,
)
from videos.views.composer_context import (
    earlier_frames as frames_of,
)
from videos.views.gallery import list_context, page_filters, redraw_list
from videos.views.gallery_filters import GalleryFilters
from videos.views.gallery_page import with_sections
from videos.views.selection_actions import answer as answer_selected
from videos.views.selection_actions import cancel
from videos.views.stacks import stacks_of

MAX_FACTS = 200_000  # characters
TWO_FRAMES = 45 * 1024**2  # of at most 20 MB each, and the form around them
NOT_YOUR_PAGE = "This page belongs to somebody else's session. Reload it and press Generate again; nothing was sent."
FULL = f"The collection is full: it takes {MAX_CLIPS:,} videos. Nothing was made, and nothing was spent."
OTHER_WORDS = (
    "You sent this form already, with other words or settings; that batch is in the gallery. "
    "Nothing was made this time: press Generate again to make this one."
)
NOT_MADE = (OverBudget, TokenTaken, OtherContents, CollectionFull)


@takes_uploads(TWO_FRAMES)
@require_POST
def generate(request: HttpRequest) -> HttpResponse:
    form = GenerateForm(request.POST, request.FILES, owner=request.user)
    if form.is_valid():
        try:
            confirmed = request.POST.get("confirmed", "")
            batch = make_batch(request.user, form.cleaned_data["token"], form.requests(), confirmed)
            return made(request, batch, form.cleaned_data["collection"])
        except NotConfirmed as asked:
            return refused(request, form, asked.question)
        except NOT_MADE as error:
            form.add_error("token" if isinstance(error, TokenTaken | OtherContents) else None, why_not_made(error))
    return refused(request, form)


def why_not_made(error: Exception) -> str:
    """The sentence for one of NOT_MADE."""
    sentences = {TokenTaken: NOT_YOUR_PAGE, OtherContents: OTHER_WORDS, CollectionFull: FULL}
    return sentences.get(type(error)) or str(error)


@retried
def make_batch(owner, token: str, requests, confirmed: str = "") -> Batch:
    """The batch of this click, and a task for each of its videos once it is stored. Raises what Batch.objects.make
    raises."""
    batch = Batch.objects.make(owner, token, requests, confirmed)
    enqueue_batch(batch)
    return batch


def made(request: HttpRequest, batch: Batch, collection: Collection | None) -> HttpResponse:
    generations, filters = batch.generations.with_everything().newest_first(), GalleryFilters.of(collection)
    if not request.htmx:
        return redirect(f"{filters.address}#g-{generations[0].public_id}")
    after = {"token": new_token(), "left": left_for(request.user), **queued(batch)}
    if page_filters(request) not in (GalleryFilters(), filters):  # the list that is shown would not have the new cards
        response = redraw_list(request, filters, is_after_generate=True, **after)
        response["HX-Push-Url"] = filters.address
    else:
        cards = list(with_sections(cards_or_stack(batch, request.user), ""))
        response = answer_with_cards(request, cards, **after)
    response["HX-Trigger-After-Swap"] = "batch-made"
    return response


def cards_or_stack(batch: Batch, user) -> list:
    """The cards that a new batch adds to this person's gallery."""
    if Preferences.objects.of(user).stacks:
        return list(stacks_of(batch.generations.all(), [batch.pk], user).values())
    return cards_of(batch.generations.with_everything().newest_first(), user, is_new=True)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, batch) -> HttpResponse:
    """How many videos of a batch can still be cancelled; a POST cancels them."""
    batch = get_object_or_404(request.user.batches, public_id=batch)
    if request.method == "POST":
        return answer_selected(request, cancel(request, batch.generations.with_everything()))
    return render(request, "compose/_undo.html", queued(batch))


def refused(request: HttpRequest, form: GenerateForm, question: Question | None = None) -> HttpResponse:
    """Shows the errors next to their fields, or the question to answer. With scripts, the page keeps what was typed."""
    composer = composer_context(request, form) | {"question": question}
    if request.htmx:
        return render(request, "compose/_refused.html", composer, status=422)
    return render(request, "gallery.html", list_context(request, GalleryFilters()) | composer, status=422)


@require_safe
def compose(request: HttpRequest) -> HttpResponse:
    """The composer alone, filled as its address says: /compose?reuse=<uuid>."""
    return render(request, "compose/_composer.html", composer_context(request))


@require_safe
def prompt_words(request: HttpRequest) -> HttpResponse:
    """Words for camera, lighting, style and mood; loaded when they are opened."""
    return render(request, "compose/_prompt_words.html", {"kinds": WORDS})


@require_POST
def fill(request: HttpRequest) -> HttpResponse:
    """The composer filled from `facts`, the description inside a downloaded video that was dropped on it."""
    values = values_from_file(request.POST.get("facts", "")[:MAX_FACTS], request.user)
    form = GenerateForm(owner=request.user, initial=values or starting_values(request))
    return render(request, "compose/_composer.html", composer_context(request, form))


@require_POST
def advise(request: HttpRequest) -> HttpResponse:
    """Advice on the composer's present contents. Stores nothing; a POST, because prompts do not fit in addresses."""
    form = GenerateForm(request.POST, owner=request.user)
    offers = offered_providers(form)
    context = advice_context(form, offers)
    context["has_other_keys"] = request.POST.get("keys_of") != context["settings_of"]
    context["repriced"] = offers if request.POST.get("priced_for") != str(context["priced_for"]) else []
    return render(request, "compose/_advice.html", context)


@takes_uploads(TWO_FRAMES)
@require_http_methods(["GET", "HEAD", "POST"])
def frame(request: HttpRequest, which: str) -> HttpResponse:
    """Draws one frame slot. POST stores an upload or a video's last frame; GET shows a picture or an address."""
    form, error = GenerateForm(owner=request.user, initial={}), ""
    name = FRAMES[which]
    try:
        if request.method == "POST":
            form.frames[which] = added_frame(request, which, name)
        else:
            form.initial = shown_frame(request, which, name)
    except forms.ValidationError as refusal:
        error = " ".join(refusal.messages)
        form.initial = {f"{name}_url": request.GET.get(f"{name}_url", "")}  # to be corrected, not typed again
    slot = slot_context(request, which, form, error)
    context = {"slot": slot | {"has_earlier": has_earlier_frames(request.user)}}
    return render(request, "compose/_slot.html", context, status=422 if error else 200)


@require_safe
def earlier_frames(request: HttpRequest, which: str) -> HttpResponse:
    """Earlier pictures and last frames to choose from; loaded when the slot is opened."""
    return render(
        request, "compose/_earlier_frames.html", frames_of(request.user, which, request.GET.getlist("chosen"))
    )


def added_frame(request: HttpRequest, which: str, name: str) -> Picture | None:
    files = request.FILES.getlist(name)
    if len(files) > 1:
        raise forms.ValidationError(f"Choose one {which} frame: two files arrived for it.")
    if files:
        return keep_upload(request.user, files[0])
    if request.POST.get(f"{which}_from"):
        return keep_frame(request.user, request.POST[f"{which}_from"], read_moment(request.POST.get("at")))
    raise forms.ValidationError("That file did not arrive; add it again.")


def read_moment(text: str | None) -> float | None:
    """Seconds from the beginning of a video; None for its last frame."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 100_000 else None


def shown_frame(request: HttpRequest, which: str, name: str) -> dict:
    if public_id := request.GET.get(f"{which}_picture"):
        return {f"{which}_picture": str(find_picture(request.user, public_id).public_id)}
    if address := request.GET.get(f"{name}_url", "").strip():
        return {f"{name}_url": check_address(address)}
    return {}
