"""Many at once: a table in which each row is checked as one Generate form.

A row and the form therefore accept and refuse the same, with the same sentences.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from videos.forms.advice import Plan
from videos.forms.csv_table import Table, TableRefused
from videos.forms.fields import read_uuid
from videos.forms.frames import keep_upload
from videos.forms.generate import FRAMES, GenerateForm, find_provider, first_offer
from videos.forms.settings_json import SettingsRefused, read_config
from videos.models import Collection, Picture, Provider, Request
from videos.models.collection import LONGEST_NAME, name_key

MAX_VIDEOS = 500
COLUMNS = {  # the name of a column → its heading on the page
    "prompt": "Prompt",
    "provider": "Provider",
    "aspect_ratio": "Ratio",
    "reference_image": "Start frame",
    "reference_image_url": "Start frame",
    "start_picture": "Start frame",
    "start_from": "Start from video",
    "tail_image": "End frame",
    "tail_image_url": "End frame",
    "end_picture": "End frame",
    "end_from": "End from video",
    "config": "Settings",
    "count": "Count",
    "collection": "Collection",
    "token": "Token",  # a form field that has no meaning for a row: ignored
}
TEMPLATE = ["prompt", "provider", "aspect_ratio", "reference_image_url", "tail_image_url", "config.duration", "count"]
TEMPLATE += ["collection"]
ALWAYS_SHOWN = ["prompt", "provider", "aspect_ratio", "count"]
SETTING = "config."
FIELD_OF = {
    "start_picture": "reference_image",
    "start_from": "reference_image",
    "reference_image_url": "reference_image",
}
FIELD_OF |= {"end_picture": "tail_image", "end_from": "tail_image", "tail_image_url": "tail_image"}
NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


class Lookups:
    """Looks up objects that several rows use only once, including missing ones."""

    def __init__(self):
        self.answers: dict[tuple, Any] = {}

    def once(self, key: tuple, look_up: Callable[[], Any]) -> Any:
        if key not in self.answers:
            try:
                self.answers[key] = look_up()
            except forms.ValidationError as refusal:
                self.answers[key] = refusal
        if isinstance(self.answers[key], forms.ValidationError):
            raise self.answers[key]
        return self.answers[key]

    def collection(self, owner, name: str) -> Collection | None:
        return self.once(("collection", name_key(name)), partial(Collection.objects.named, name, owner))

    def provider(self, text: str) -> Provider:
        """By its value, or by the name that the screen shows."""
        text = text.strip() or self.once(("first offer",), first_offer)
        value = self.once(("provider names",), provider_names).get(text.casefold(), text)
        return self.once(("provider", value), partial(find_provider, value))


def provider_names() -> dict[str, str]:
    """The value of each provider, by its name in lower case. A value is never taken for the name of another one."""
    known = [(item["value"], item["name"]) for item in Provider.objects.names()]
    values = {value for value, _ in known}
    return {name.casefold(): value for value, name in reversed(known) if name.casefold() not in values}


class RowForm(GenerateForm):
    """The Generate form for one row. The token belongs to the whole table."""

    def __init__(self, data: dict[str, str], *, owner, lookups: Lookups):
        self.lookups = lookups
        query = QueryDict(mutable=True)
        query.update(data)
        super().__init__(query, MultiValueDict(), owner=owner)

    def clean_token(self):
        return ""

    def clean_collection(self) -> str:
        """The name of an existing collection, or of a new one."""
        name = " ".join(self.cleaned_data["collection"].split())
        if len(name) > LONGEST_NAME:
            raise forms.ValidationError(f"A collection's name has at most {LONGEST_NAME} characters.")
        return name

    def place(self) -> dict:
        name = self.cleaned_data["collection"]
        known = self.lookups.collection(self.owner, name) if name else None
        return {"collection": known, "new_collection": "" if known else name}

    def clean_provider(self):
        return [self.lookups.provider(self.cleaned_data["provider"])]

    def earlier_frame(self, which: str) -> Picture | None:
        key = (self.value(f"{which}_picture"), self.value(f"{which}_from"))
        return self.lookups.once(("frame", *key), partial(super().earlier_frame, which))


@dataclass
class Cell:
    """The contents of one cell, with its errors and warnings."""

    column: str
    text: str
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The form field that this column belongs to."""
        return field_of(self.column)


@dataclass
class Row:
    """One row with the result of its check. `errors` are those that belong to no cell."""

    number: int
    cells: list[Cell]
    is_ticked: bool
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)  # cells beyond the last named column

    @property
    def all_errors(self) -> list[str]:
        return self.errors + [error for cell in self.cells for error in cell.errors]

    @property
    def all_warnings(self) -> list[str]:
        return [warning for cell in self.cells for warning in cell.warnings]

    @property
    def amount(self) -> Decimal | None:
        amounts = [request.amount() for request in self.requests]
        return None if None in amounts else sum(amounts)

    @property
    def request(self) -> Request | None:
        """The row's request, if it is valid. A row with a count stands for several equal ones."""
        return self.requests[0] if self.requests else None

    @property
    def currency(self) -> str:
        return self.requests[0].provider.currency

    def text(self, column: str) -> str:
        return next((cell.text for cell in self.cells if cell.column == column), "")

    def add_error(self, name: str, sentence: str):
        cell = self.cell(name, hint=sentence)
        (cell.errors if cell else self.errors).append(sentence)

    def cell(self, name: str, hint: str = "") -> Cell | None:
        """The cell for an error of this field. Of several settings, it is the one that `hint` names."""
        belonging = [cell for cell in self.cells if cell.kind == name]
        named = [cell for cell in belonging if setting_of(cell.column) and setting_of(cell.column) in hint.lower()]
        written = [cell for cell in belonging if cell.text.strip()]
        return next(iter(named + written + belonging), None)


def field_of(column: str) -> str:
    return "config" if setting_of(column) else FIELD_OF.get(column, column)


def setting_of(column: str) -> str:
    return column.removeprefix(SETTING) if column.startswith(SETTING) else ""


class BatchForm:
    """The table of *Many at once*: `rows` with their results, and the requests of the selected rows.

    `ticked` are the numbers of the rows to make, from 1; None ticks every row. Uploaded pictures are matched by their
    file names and stored at once; their cells then hold the pictures' ids. Raises TableRefused.
    """

    def __init__(self, table: Table, *, owner, ticked: set[int] | None = None, files: Iterable = ()):
        self.owner, self.ticked = owner, ticked
        self.files = {file.name: file for file in files}
        self.lookups = Lookups()
        self.columns = known_columns(table)
        self.lines = [list(row) for row in table.rows]
        for name in ALWAYS_SHOWN:
            if name not in self.columns:
                self.columns.append(name)
                for line in self.lines:
                    line.insert(len(self.columns) - 1, "")
        self.rows = [self.read_row(number, line) for number, line in enumerate(self.lines, start=1)]

    def read_row(self, number: int, line: list[str]) -> Row:
        cells = [Cell(column, text) for column, text in zip(self.columns, line, strict=False)]
        row = Row(number, cells, is_ticked=self.ticked is None or number in self.ticked)
        row.beyond = line[len(self.columns) :]
        if row.beyond:
            row.errors.append("This row has more cells than the first line names columns.")
        form = RowForm(self.form_data(row), owner=self.owner, lookups=self.lookups)
        form.is_valid()
        for name, sentences in form.errors.items():
            for sentence in sentences:
                row.add_error(field_of(name), sentence)
        if not row.all_errors:
            row.requests = form.requests()
            warn(row)
        return row

    def form_data(self, row: Row) -> dict[str, str]:
        """The row as fields of the form. An unusable value gets an error in its cell."""
        data: dict[str, str] = {}
        for cell in [cell for cell in row.cells if cell.text.strip()]:
            if cell.column in FRAMES.values():
                data |= self.frame_data(cell)
            elif cell.column in COLUMNS and cell.column not in ("token", "config"):
                data[cell.column] = cell.text
        for which, name in FRAMES.items():
            given = [cell for cell in row.cells if cell.kind == name and cell.text.strip()]
            if len(given) > 1:
                given[-1].errors.append(f"This row has {len(given)} {which} frames; give one.")
        return data | {"config": self.config_text(row)}

    def frame_data(self, cell: Cell) -> dict[str, str]:
        """A frame's cell holds a URL, the file name of an uploaded picture, or the id of a stored picture."""
        text = cell.text.strip()
        which = next(which for which, name in FRAMES.items() if name == cell.column)
        if not text:
            return {}
        if "//" in text:
            return {f"{cell.column}_url": text}
        if not read_uuid(text):
            try:
                text = cell.text = str(self.lookups.once(("file", text), partial(self.keep_file, text)).public_id)
            except forms.ValidationError as refusal:
                cell.errors += refusal.messages
                return {}
        return {f"{which}_picture": text}

    def keep_file(self, name: str) -> Picture:
        if name not in self.files:
            raise forms.ValidationError(f"No picture called “{name[:60]}” was added. Add it, or give its address.")
        return keep_upload(self.owner, self.files[name])

    def config_text(self, row: Row) -> str:
        """The row's settings as the form takes them: the JSON column, merged with the columns for single settings."""
        whole = next((cell.text for cell in row.cells if cell.column == "config"), "")
        single = [cell for cell in row.cells if setting_of(cell.column) and cell.text.strip()]
        try:
            config = read_config(whole) if single else {}
        except SettingsRefused:
            return whole  # the form adds the error
        types = self.setting_types(row) if single else {}
        for cell in single:
            key = setting_of(cell.column)
            if key in config:
                cell.errors.append(f"“{key}” is set in the column “config” too; keep one of them.")
            config[key] = read_setting(cell.text.strip(), types.get(key, ""))
        return json.dumps(config, ensure_ascii=False) if single else whole

    def setting_types(self, row: Row) -> dict[str, str]:
        """The known types of the provider's settings."""
        try:
            provider = self.lookups.provider(row.text("provider"))
        except forms.ValidationError:
            return {}
        return {key["key"]: key.get("type", "string") for key in provider.config_keys}

    # The whole table
    @property
    def ticked_rows(self) -> list[Row]:
        return [row for row in self.rows if row.is_ticked]

    def untick_wrong_rows(self):
        for row in self.rows:
            row.is_ticked = row.is_ticked and not row.all_errors

    def requests(self) -> list[Request]:
        return [request for row in self.ticked_rows for request in row.requests]

    def refusal(self) -> str:
        """Why the selected rows cannot be generated together, or ""."""
        wrong = [str(row.number) for row in self.ticked_rows if row.all_errors]
        if wrong:
            which = f"Row {wrong[0]} has" if len(wrong) == 1 else f"Rows {', '.join(wrong[:8])} have"
            return f"{which} an error, so nothing was made and nothing was spent. Correct or untick the marked rows."
        count = len(self.requests())
        if not count:
            return self.why_empty()
        if count > MAX_VIDEOS:
            return f"These are {count:,} videos; one batch may have {MAX_VIDEOS}. Untick some rows. Nothing was made."
        return ""

    def why_empty(self) -> str:
        if not self.rows:
            return "The table has no rows yet. Write a prompt into the first one."
        if all(row.all_errors for row in self.rows):
            return "No row can be made as it is. Correct the marked cells, then press Check."
        return "No row is selected, so there is nothing to generate."

    def new_collections(self) -> list[str]:
        """The names of collections that the selected rows make."""
        named = {name_key(item.new_collection): item.new_collection for item in self.requests() if item.new_collection}
        return list(named.values())

    def table(self) -> Table:
        """The current table, with ids of stored pictures in place of their file names."""
        return Table(self.columns, [[cell.text for cell in row.cells] + row.beyond for row in self.rows])


def known_columns(table: Table) -> list[str]:
    """The columns by their names in the form. Raises TableRefused if one is unknown or repeated."""
    names = [column_name(name) for name in table.columns]
    for given, name in zip(table.columns, names, strict=True):
        if name not in COLUMNS and not setting_of(name):
            raise TableRefused(
                f"There is no column called “{given[:60]}”. The first line names the columns: "
                "prompt, provider, aspect_ratio, reference_image_url, tail_image_url, config, config.duration "
                "(or another setting), count, collection."
            )
        if names.count(name) > 1:
            raise TableRefused(f"The column “{given[:60]}” appears twice; keep one of them.")
    if "prompt" not in names:
        raise TableRefused("The first line must name the columns, one of which is “prompt”.")
    return names


def column_name(written: str) -> str:
    if written.lower().startswith(SETTING):
        return SETTING + written[len(SETTING) :].strip()
    return written.lower().replace(" ", "_")


def read_setting(text: str, kind: str) -> Any:
    """The value of a setting from its own cell, converted to its type, or as text if that fails."""
    if kind == "string":
        return text
    if text.lower() in TRUTHS and kind in ("", "boolean"):
        return TRUTHS[text.lower()]
    if NUMBER.fullmatch(text) and kind != "boolean":
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return text


def warn(row: Row):
    """Adds warnings to the cells of a valid row."""
    request = row.requests[0]
    plan = Plan(
        providers=[request.provider],
        aspect_ratio=request.aspect_ratio,
        prompt_length=len(request.prompt),
        has_start=bool(request.start_frame or request.start_frame_url),
        has_end=bool(request.end_frame or request.end_frame_url),
        config=request.config,
    )
    for name, sentence in plan.warnings_about(request.provider):
        cell = row.cell(name) or row.cell("prompt")
        cell.warnings.append(sentence)


def fingerprint(table: Table) -> str:
    """A digest of the table, to notice that the selected rows belong to another version of it."""
    return hashlib.sha256(json.dumps([table.columns, table.rows]).encode()).hexdigest()[:24]
