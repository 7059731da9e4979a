"""Queries whose SQL Django makes only once, because making it takes several times as long as the database's answer.

    class FavouriteQuerySet(models.QuerySet):
        @prepared
        def starred(self, user, generations: list[int]):
            return self.filter(user=user, generation__in=generations).values_list("generation", flat=True)

    Favourite.objects.starred(owner, [5, 8])  # a list, such as [8]

1. The first call calls the method with stand-ins instead of owner and [5, 8], and has Django make the SQL:
   SELECT generation_id FROM … WHERE user_id = %s AND generation_id IN (%s, %s)
   with the parameters (2000000000, 2000000001, 2000000002), which are the stand-ins.
2. So it is known to which parameter each value belongs. Every call, the first one too, puts its values there, sends the
   SQL, and lets Django make rows of the answer.

Only the text is kept, never a row: the database is asked each time. A list of another length needs another text.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache, wraps
from itertools import count
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connections, models

MAX_TEXTS = 128  # that are kept of one query: one for each combination of lengths of its lists
FIRST_STAND_IN = 2_000_000_000  # a number that no query uses itself, and that every column of integers can hold
FIRST_MOMENT = datetime(1900, 1, 1, tzinfo=UTC)
Single = int | str | datetime
Argument = Single | list[Single] | models.Model  # a row stands for its primary key


def prepared(make: Callable[..., models.QuerySet]) -> Callable[..., list[Any]]:
    """Turns a method that narrows a queryset into one that returns the list of its rows, by SQL that is made once.

    Positional arguments are numbers, texts, times, lists of these, and rows, for their primary keys. The method must
    pass them to the queryset unchanged, and must not read the time or a setting: it runs only when SQL is made.
    Keyword arguments, such as an order or a limit, become part of the text.
    """

    @lru_cache(MAX_TEXTS)
    def query_for(model: type[models.Model], *shapes: Shape, **fixed) -> PreparedQuery:
        stand_ins = stand_ins_of(shapes)
        rows = make(model._default_manager.get_queryset(), *stand_ins, **fixed)
        return PreparedQuery(rows, list(flat(stand_ins)))

    @wraps(make)
    def rows_of(queryset: models.QuerySet, *arguments: Argument, **fixed) -> list[Any]:
        if queryset.query.where:
            raise TypeError(f"{make.__qualname__} is prepared: it begins with all rows")
        values = [one.pk if isinstance(one, models.Model) else one for one in arguments]
        return query_for(queryset.model, *map(shape_of, values), **fixed).run(list(flat(values)))

    return rows_of


class PreparedQuery:
    """The SQL of one queryset, and which of its parameters are replaced by which value."""

    def __init__(self, rows: models.QuerySet, stand_ins: list[Single]):
        self.rows, self.compiler = rows, rows.query.get_compiler(rows.db)
        try:
            self.sql, self.parameters = self.compiler.as_sql()
        except EmptyResultSet:  # of an empty list: Django's compilers send no query where the text is ""
            self.sql, self.parameters = "", stand_ins
        number_of = {adapted(one, rows.db): number for number, one in enumerate(stand_ins)}
        # For each parameter the number of its value; None: it is the same in every call
        self.numbers = [number_of.get(one) if isinstance(one, Single) else None for one in self.parameters]
        if set(number_of.values()) - set(self.numbers):
            raise ValueError("A prepared query passes its values on unchanged")
        self.converters = self.compiler.get_converters([column for column, *_ in self.compiler.select or ()])

    def run(self, values: list[Single]) -> list[Any]:
        """The rows for these values, as the queryset's own iterator makes them: objects, tuples or single values."""
        rows = self.rows.all()
        compiler = self.compiler_for(values)
        rows.query.get_compiler = lambda *_, **__: compiler
        return list(rows)

    def compiler_for(self, values: list[Single]):
        """A copy of Django's compiler that has its results already: the SQL with these values, and the converters."""
        compiler, using = copy(self.compiler), self.rows.db
        compiler.connection = connections[using]  # each thread has its own
        values = [adapted(value, using) for value in values]
        parameters = tuple(
            old if number is None else of_same_type(old, values[number])
            for old, number in zip(self.parameters, self.numbers, strict=True)
        )
        compiler.as_sql = lambda *_, **__: (self.sql, parameters)
        compiler.get_converters = lambda _: self.converters
        return compiler


class Shape(NamedTuple):
    """What the SQL depends on in an argument: the kind of its values, and how many a list has."""

    kind: type
    length: int | None = None  # None: it is no list


def shape_of(value: Single | list[Single]) -> Shape:
    if isinstance(value, list):
        return Shape(shape_of(value[0]).kind if value else int, len(value))
    for kind in (str, int, datetime):
        if isinstance(value, kind) and not isinstance(value, bool):
            return Shape(kind)
    raise TypeError(f"A prepared query takes numbers, texts, times and lists of them, and no {type(value).__name__}")


def stand_ins_of(shapes: Iterable[Shape]) -> list[Single | list[Single]]:
    """Arguments of these shapes, of which no two values are the same."""
    numbers = count(FIRST_STAND_IN)
    return [
        stand_in(kind, next(numbers)) if length is None else [stand_in(kind, next(numbers)) for _ in range(length)]
        for kind, length in shapes
    ]


def stand_in(kind: type, number: int) -> Single:
    return FIRST_MOMENT + timedelta(seconds=number - FIRST_STAND_IN) if kind is datetime else kind(number)


def adapted(value: Single, using: str) -> Single:
    """The value as the database's driver expects it."""
    return connections[using].ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def of_same_type(old: Single, value: Single) -> Single:
    """The number as the same kind of integer, which tells PostgreSQL its size; a choice as its text."""
    return type(old)(value) if isinstance(old, int | str) else value


def flat(arguments: Iterable[Single | list[Single]]) -> Iterator[Single]:
    """All values one after the other, those of lists too."""
    for one in arguments:
        if isinstance(one, list):
            yield from one
        else:
            yield one
