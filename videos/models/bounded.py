"""Bounded counts: exact up to 1,000, then "1,000+", so that none reads more than a thousand rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connection, models

MAX_COUNTED = 1000
ANY_VALUE = "\0any"  # no text that is stored or asked for has a NUL
ANYBODY = 2_000_000_001  # and nobody has this primary key
Select = tuple[str, tuple]  # SQL and its parameters


@dataclass(frozen=True)
class Count:
    """How many rows were found; one more than MAX_COUNTED stands for any larger number."""

    found: int

    def __str__(self):
        return f"{MAX_COUNTED:,}+" if self.found > MAX_COUNTED else f"{self.found:,}"

    def __bool__(self):
        return self.found > 0

    def __float__(self):  # so that `pluralize` takes it
        return float(self.found)


def count_each(wanted: dict[str, Iterable[models.QuerySet]]) -> dict[str, Count]:
    """Name → how many different rows these querysets of one model have together. One query for all of them."""
    return count_selects({name: [limited(rows) for rows in querysets] for name, querysets in wanted.items()})


def count_selects(wanted: dict[str, list[Select | None]]) -> dict[str, Count]:
    return counted(wanted, counting(wanted))


def counting(wanted: dict[str, list[Select | None]]) -> Select:
    """One query that counts the different keys of each."""
    selects, parameters = [], []
    for found in wanted.values():
        parts = [part for part in found if part]
        union = " UNION ".join(f"SELECT * FROM ({sql}) AS part" for sql, _ in parts) or "SELECT 1 WHERE 1 = 0"
        selects.append(f"(SELECT COUNT(*) FROM ({union}) AS rows)")
        parameters += [value for _, values in parts for value in values]
    return f"SELECT {', '.join(selects)}", tuple(parameters)


def counted(names: Iterable[str], select: Select) -> dict[str, Count]:
    with connection.cursor() as cursor:
        cursor.execute(*select)
        found = cursor.fetchone()
    return {name: Count(min(number, MAX_COUNTED + 1)) for name, number in zip(names, found, strict=True)}


def limited(rows: models.QuerySet, order: str = "pk") -> Select | None:
    """SQL that selects at most MAX_COUNTED + 1 primary keys; None where there can be none."""
    try:
        return rows.order_by(f"-{order}").values("pk")[: MAX_COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:
        return None


def count_in_any_order(rows: models.QuerySet) -> Count:
    """Where an index finds these rows, but does not give them newest first: nothing is sorted."""
    return Count(rows.order_by().values("pk")[: MAX_COUNTED + 1].count())


def of_value(select: Select | None, value: str) -> Select | None:
    """The same SQL where one that was made for ANY_VALUE asks for `value`: making it costs more than running it."""
    return select and (select[0], tuple(value if one == ANY_VALUE else one for one in select[1]))


def of_person(select: Select, pk: int) -> Select:
    """The same where it was made for ANYBODY."""
    return select[0], tuple(pk if one == ANYBODY else one for one in select[1])


def count(rows: models.QuerySet) -> Count:
    return count_each({"rows": [rows]})["rows"]
