"""Many at once: a table of rows to check, and one batch of the selected ones."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from videos.body_limits import takes_uploads
from videos.forms.advice import finished_after
from videos.forms.batch import COLUMNS, SETTING, TEMPLATE, BatchForm, field_of, fingerprint
from videos.forms.batch_tables import SHARED, table_of_pictures, table_of_variables
from videos.forms.csv_table import Table, TableRefused, decode, read_table
from videos.forms.frames import keep_upload
from videos.forms.generate import MAX_AT_ONCE, TOKEN, first_offer
from videos.models import (
    Batch,
    Budget,
    Collection,
    Generation,
    NotConfirmed,
    OverBudget,
    Picture,
    Provider,
    RemoteAccount,
    Request,
)
from videos.models.batch import cost_of
from videos.models.budget import BudgetLeft, Cost
from videos.models.studio_settings import current
from videos.remotes import registry
from videos.views.cards import new_token, track_records
from videos.views.compose import NOT_MADE, make_batch, why_not_made
from videos.views.composer_context import RATIOS, accounts_by_backend, left_for, warnings_of

TABLE_AND_PICTURES = 100 * 1024**2
MAX_AHEAD = 1000  # generations that the estimated time takes into account
OUT_OF_DATE = "This page is out of date. Reload it and press Generate again."
CHANGED = (
    "The table has changed since its rows were ticked, so nothing was made. Look at it again, then press Generate."
)
STARTS = ("variables", "pictures")
EMPTY = Table(["prompt", "provider", "aspect_ratio", "reference_image", "count"], [])


@takes_uploads(TABLE_AND_PICTURES)
@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        start = request.GET.get("from", "")
        return show_start(request, start) if start in STARTS else show(request, BatchForm(EMPTY, owner=request.user))
    if request.POST.get("action") in STARTS:
        return fill(request, request.POST["action"])
    try:
        form, is_changed = sent_form(request)
    except TableRefused as refusal:
        return show_unread(request, str(refusal))
    if request.POST.get("action") != "generate" and "confirmed" not in request.POST:
        form.untick_wrong_rows()
        return show(request, form, refusal=form.refusal(), is_checked=True, made_before=made_before(request))
    return show_or_make(request, form, CHANGED if is_changed else refusal_of(request, form))


@require_safe
def template(request: HttpRequest) -> HttpResponse:
    """An empty table with column names, to fill in with a spreadsheet. Its first bytes let Excel recognise UTF-8."""
    response = HttpResponse("\ufeff" + Table(TEMPLATE, []).to_csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="many-at-once.csv"'
    return response


def sent_form(request: HttpRequest) -> tuple[BatchForm, bool]:
    """The submitted table, and whether it changed after its rows were ticked. Raises TableRefused."""
    file = request.FILES.get("table_file")
    table = read_table(decode(file.read()) if file else request.POST.get("table", ""))
    ticks_of = request.POST.get("ticks_of", "")
    is_changed = bool(ticks_of) and ticks_of != fingerprint(table)
    ticked = {int(row) for row in request.POST.getlist("row") if row.isascii() and row.isdigit() and len(row) < 5}
    has_ticks = bool(ticks_of) and not is_changed
    pictures = request.FILES.getlist("pictures")
    return BatchForm(table, owner=request.user, ticked=ticked if has_ticks else None, files=pictures), is_changed


def refusal_of(request: HttpRequest, form: BatchForm) -> str:
    return form.refusal() or ("" if TOKEN.fullmatch(request.POST.get("token", "")) else OUT_OF_DATE)


def show_or_make(request: HttpRequest, form: BatchForm, refusal: str) -> HttpResponse:
    """The gallery with the new batch, or the table again with the reason why nothing was made."""
    if not refusal:
        try:
            confirmed = request.POST.get("confirmed", "")
            return made(make_batch(request.user, request.POST["token"], form.requests(), confirmed))
        except NotConfirmed as asked:
            return show(request, form, is_checked=True, status=422, question=asked.question)
        except NOT_MADE as error:
            refusal = why_not_made(error)
    form.untick_wrong_rows()
    return show(request, form, refusal=refusal, is_checked=True, status=422)


def made_before(request: HttpRequest) -> Batch | None:
    """The batch that this page made: the browser checks its table again after Back."""
    token = request.POST.get("token", "")
    return request.user.batches.filter(form_token=token).first() if TOKEN.fullmatch(token) else None


def made(new: Batch) -> HttpResponse:
    """The gallery, with a toast about the new batch that offers Undo."""
    return redirect(f"/?made={new.public_id}")


def show_unread(request: HttpRequest, refusal: str) -> HttpResponse:
    """The page with a table that could not be read, unchanged, and the reason."""
    context = {"form": None, "text": request.POST.get("table", ""), "refusal": refusal, "token": new_token()}
    context |= offered_in_cells(request)
    return render(request, "batch/batch.html", context, status=422)


def show(
    request: HttpRequest, form: BatchForm, refusal="", is_checked=False, status=200, question=None, made_before=None
) -> HttpResponse:
    table = form.table()
    context = {
        "form": form,
        "headings": [(field_of(column), heading(column)) for column in form.columns],
        "text": table.to_csv(),
        "ticks_of": fingerprint(table),
        "token": new_token(),
        "refusal": refusal,
        "question": question,
        "made_before": made_before,
        "is_checked": is_checked,
        "wrong": [row for row in form.rows if row.all_errors],
        "warned": [row for row in form.rows if row.is_ticked and row.all_warnings],
        "new_collections": form.new_collections(),
        "total": total_of(request, form),
        **offered_in_cells(request),
    }
    return render(request, "batch/batch.html", context, status=status)


def offered_in_cells(request: HttpRequest) -> dict:
    """The values that the cells suggest, and the columns that can be added."""
    usable = Provider.objects.offered().filter(state=Provider.State.ACTIVE).prefetch_related(None)
    keys = {known["key"] for provider in usable for known in provider.config_keys}
    more = ["tail_image", "collection", *(SETTING + key for key in sorted(keys))]
    return {
        "provider_names": [provider.name for provider in usable],
        "ratios": RATIOS,
        "collection_names": [known.name for known in Collection.objects.newest_for(request.user)],
        "more_columns": [(column, heading(column)) for column in more],
    }


def heading(column: str) -> str:
    return column.removeprefix(SETTING).replace("_", " ").capitalize() if SETTING in column else COLUMNS[column]


# A table from one prompt
def fill(request: HttpRequest, start: str) -> HttpResponse:
    """Turns a prompt with variables, or with several pictures, into a checked table. Nothing is generated yet."""
    try:
        table = filled_table(request, start)
    except TableRefused as refusal:
        return show_start(request, start, str(refusal), status=422)
    form = BatchForm(table, owner=request.user)
    form.untick_wrong_rows()
    return show(request, form, refusal=form.refusal(), is_checked=True)


def filled_table(request: HttpRequest, start: str) -> Table:
    data = request.POST
    shared = {name: data.get(name, "") for name in SHARED}
    if start == "pictures":
        pictures = [kept_picture(request.user, file) for file in request.FILES.getlist("pictures")]
        return table_of_pictures(data.get("prompt", ""), pictures, shared)
    return table_of_variables(data.get("prompt", ""), data.get("values_text", ""), data.get("how") == "lines", shared)


def kept_picture(owner, file) -> Picture:
    try:
        return keep_upload(owner, file)
    except forms.ValidationError as refusal:
        raise TableRefused(f"{file.name}: {' '.join(refusal.messages)}") from refusal


def show_start(request: HttpRequest, start: str, refusal: str = "", status: int = 200) -> HttpResponse:
    context = {
        "start": start,
        "refusal": refusal,
        "typed": request.POST,
        "providers": [provider for provider in Provider.objects.offered() if provider.is_active],
        "first": first_offer(),
        "ratios": RATIOS,
        "counts_at_once": range(1, MAX_AT_ONCE + 1),
    }
    return render(request, "batch/start.html", context, status=status)


@dataclass(frozen=True)
class Total:
    """The totals of the selected rows: videos, price by currency, seconds until the last one is made."""

    videos: int
    amounts: dict[str, Decimal]
    unpriced: int
    seconds: float | None
    at_once: int  # at the API that makes the fewest
    left_after: BudgetLeft | None
    warnings: list[str]


def total_of(request: HttpRequest, form: BatchForm) -> Total:
    asked, accounts = form.requests(), accounts_by_backend()
    cost = cost_of(asked)
    unpriced = sum(item.amount() is None for item in asked)
    return Total(
        videos=len(asked),
        amounts={currency: amount for currency, amount in cost.amounts.items() if amount},
        unpriced=unpriced,
        seconds=seconds_for(asked, accounts),
        at_once=min((limit_of(item.provider.backend, accounts) for item in asked), default=current().max_in_flight),
        left_after=left_after(request.user, cost),
        warnings=over_budget(request.user, cost) + account_sentences(asked, accounts),
    )


def limit_of(backend: str, accounts: dict[str, RemoteAccount]) -> int:
    """How many videos this API makes at once: an owner may set a limit of its own for it."""
    return accounts[backend].in_flight_limit if backend in accounts else current().max_in_flight


def seconds_for(asked: list[Request], accounts: dict[str, RemoteAccount]) -> float | None:
    """Seconds until the last video is finished, after those already queued; None if a provider has no measured time.

    Each API runs a limited number at a time; the next one starts when one finishes.
    """
    records = track_records()
    ahead = Generation.objects.unfinished().values_list("backend", "provider_id")[:MAX_AHEAD]
    queues: dict[str, list[int]] = defaultdict(list)
    for backend, provider in [*ahead, *((item.provider.backend, item.provider.pk) for item in asked)]:
        queues[registry.plain_key(backend)].append(provider)
    ends = [0.0]
    for backend, providers in queues.items():
        times = [records[pk].median_seconds if pk in records else None for pk in providers]
        if None in times:
            return None
        ends.append(finished_after(times, limit_of(backend, accounts)))
    return max(ends)


def left_after(user, cost: Cost) -> BudgetLeft | None:
    """What this batch would leave of the tightest budget; None without a budget."""
    left = left_for(user)
    if left is None:
        return None
    taken = cost.videos if left.unit == "videos" else cost.amounts.get(left.unit, Decimal(0))
    return replace(left, left=max(0, left.left - taken))


def over_budget(user, cost: Cost) -> list[str]:
    try:
        Budget.objects.require_budget(user, cost, Generation.objects.unfinished())
    except OverBudget as refusal:
        return [str(refusal)]
    return []


def account_sentences(asked: list[Request], accounts: dict[str, RemoteAccount]) -> list[str]:
    """Warnings about the accounts used by this batch: an API that has ended, a low or insufficient balance."""
    found: list[str] = []
    for backend in Counter(item.provider.backend for item in asked):
        own = [item for item in asked if item.provider.backend == backend]
        if account := accounts.get(backend):
            amount = sum(item.amount() or Decimal(0) for item in own)
            found += warnings_of(account, amount if own[0].provider.currency == account.balance_unit else None)
    return found
