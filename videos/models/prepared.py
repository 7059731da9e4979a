"""Queries whose SQL is compiled once: Django takes several times as long to make it as the database takes to answer.

A prepared query asks the database each time. Only its text is kept, and that does not depend on any row.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache, wraps
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models

SHAPES = 128  # texts that are kept of one query: one for each number of values in its lists
FIRST_PLACE = 2_000_000_000  # a number that no query uses itself
FIRST_MOMENT = datetime(1900, 1, 1, tzinfo=UTC)
Single = int | str | datetime
Value = Single | list[Single] | models.Model  # a row stands for its primary key


def prepared(make: Callable[..., models.QuerySet]) -> Callable[..., list[Any]]:
    """Turns a method of a queryset that returns a narrower one into one that returns the list of its rows.

    It takes numbers, texts, times, lists of these, and rows, for their primary keys. The method gets placeholders,
    and must pass them to the queryset unchanged. It is called only once, so it must not read the time or a
    setting. Keyword arguments become part of its text.
    """

    @lru_cache(SHAPES)
    def statement(model: type[models.Model], *shapes, **fixed) -> Statement:
        numbers = iter(range(FIRST_PLACE, 2**31))
        places = [place_in(shape, numbers) for shape in shapes]
        return Statement(make(model._default_manager.get_queryset(), *places, **fixed), list(flat(places)))

    @wraps(make)
    def answer(rows: models.QuerySet, *given: Value, **fixed) -> list[Any]:
        values = [value.pk if isinstance(value, models.Model) else value for value in given]
        if rows.query.where:
            raise TypeError(f"{make.__qualname__} is prepared: it begins with all rows")
        return statement(rows.model, *map(shape_of, values), **fixed).run(list(flat(values)))

    return answer


class Statement:
    """The SQL of one queryset, and where in its parameters the values belong."""

    def __init__(self, rows: models.QuerySet, places: list):
        self.rows, self.compiler = rows, rows.query.get_compiler(rows.db)
        try:
            self.sql, parameters = self.compiler.as_sql()
        except EmptyResultSet:
            self.sql, parameters = "", places  # which Django's compilers do not send
        index = {adapted(place, rows.db): number for number, place in enumerate(places)}
        self.parameters = [(index.get(one) if isinstance(one, Single) else None, one) for one in parameters]
        if index.keys() - {one for place, one in self.parameters if place is not None}:
            raise ValueError("A prepared query passes its values on unchanged")
        self.converters = self.compiler.get_converters([column for column, *_ in self.compiler.select or ()])

    def run(self, values: list) -> list[Any]:
        """The rows as the queryset's own iterator makes them. Its compiler is replaced by a copy that has the SQL
        already, so that Django does not compile the query again."""
        compiler, rows = copy(self.compiler), self.rows.all()
        compiler.connection = connections[rows.db]
        values = [adapted(value, rows.db) for value in values]
        filled = tuple(one if place is None else like(one, values[place]) for place, one in self.parameters)
        compiler.as_sql = lambda *_, **__: (self.sql, filled)
        compiler.get_converters = lambda _: self.converters
        rows.query.get_compiler = lambda *_, **__: compiler
        return list(rows)


def shape_of(value: Value) -> tuple[type, int | None]:
    """What the SQL depends on: the kind of the value, and how many there are in a list."""
    if isinstance(value, list):
        return (shape_of(value[0])[0] if value else int), len(value)
    for kind in (str, int, datetime):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind, None
    raise TypeError(f"A prepared query takes numbers, texts, times and lists of them, and no {type(value).__name__}")


def place_in(shape: tuple[type, int | None], numbers: Iterator[int]) -> Value:
    kind, count = shape
    if count is not None:
        return [place_in((kind, None), numbers) for _ in range(count)]
    number = next(numbers)
    return FIRST_MOMENT + timedelta(seconds=number - FIRST_PLACE) if kind is datetime else kind(number)


def adapted(value: Single, using: str) -> Single:
    """The value as the database's driver expects it."""
    return connections[using].ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def like(sample: Single, value: Single) -> Single:
    """The number as the same kind of integer, which tells PostgreSQL its size; a choice as its text."""
    return type(sample)(value) if isinstance(sample, int | str) else value


def flat(values: Iterable[Value]) -> Iterator[Single]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value
