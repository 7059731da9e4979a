"""Builds tables from one prompt, with variables and their values or with several start pictures."""

import itertools
import math
import re

from videos.forms.csv_table import MAX_ROWS, Table, TableRefused
from videos.models import Picture
from videos.text import with_line_feeds

VARIABLE = re.compile(r"\{([A-Za-z_]\w{0,39})\}")
SHARED = ["provider", "aspect_ratio", "count"]  # identical in each row
LONGEST_VALUES = 50_000


def table_of_variables(prompt: str, values: str, line_by_line: bool, shared: dict[str, str]) -> Table:
    """One row for every combination of the variables' values, or for the first values, the second values and so on.

    `values` has a line for each variable, such as "city: Paris | Rome". Raises TableRefused.
    """
    lists = values_of(with_line_feeds(prompt), with_line_feeds(values))
    lengths = [len(found) for found in lists.values()]
    if line_by_line and len(set(lengths)) > 1:
        counts = ", ".join(f"{name} has {len(found)}" for name, found in lists.items())
        raise TableRefused(f"“Line by line” needs the same number of values for each variable: {counts}.")
    count = max(lengths) if line_by_line else math.prod(lengths)
    if count > MAX_ROWS:
        raise TableRefused(f"These are {count:,} combinations; at most {MAX_ROWS} rows are made at once.")
    rows = zip(*lists.values(), strict=True) if line_by_line else itertools.product(*lists.values())
    prompts = [filled(prompt, dict(zip(lists, chosen, strict=True))) for chosen in rows]
    return Table(["prompt", *SHARED], [[text, *shared_cells(shared)] for text in prompts])


def values_of(prompt: str, text: str) -> dict[str, list[str]]:
    """The values of each variable, in the order of the prompt."""
    names = list(dict.fromkeys(VARIABLE.findall(prompt)))
    if not names:
        raise TableRefused("The prompt has no variable. Write one in braces, such as: a lighthouse in {weather}.")
    if len(text) > LONGEST_VALUES:
        raise TableRefused(f"The values are longer than {LONGEST_VALUES:,} characters; shorten them.")
    given = {}
    for line in filter(str.strip, text.split("\n")):
        name, colon, rest = line.partition(":")
        name = name.strip().strip("{}")
        values = [value.strip() for value in rest.split("|") if value.strip()]
        if not colon or not values:
            raise TableRefused(f"Write a variable and its values as “weather: fog | rain”, not “{line.strip()[:60]}”.")
        if name in given or name not in names:
            why = "appears twice among the values" if name in given else "is not in the prompt"
            raise TableRefused(f"The variable “{name[:60]}” {why}.")
        given[name] = values
    if missing := [name for name in names if name not in given]:
        raise TableRefused(f"No values are given for “{missing[0]}”. Add a line such as “{missing[0]}: one | two”.")
    return {name: given[name] for name in names}


def filled(prompt: str, values: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: values[found[1]], prompt)


def table_of_pictures(prompt: str, pictures: list[Picture], shared: dict[str, str]) -> Table:
    """One row with the same prompt for each picture. Raises TableRefused."""
    if not pictures:
        raise TableRefused("Add at least one picture.")
    rows = [[prompt, str(picture.public_id), *shared_cells(shared)] for picture in pictures]
    return Table(["prompt", "reference_image", *SHARED], rows)


def shared_cells(shared: dict[str, str]) -> list[str]:
    return [shared.get(name, "") for name in SHARED]
