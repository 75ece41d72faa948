"""A query of the ORM whose SQL is made once: at what is read the most, making it takes longer than the answer."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from jobs.database import sql

M = TypeVar("M", bound=Model)


class CompiledQuery(Generic[M]):
    """`build` makes the query of rows of one model out of values, which `examples` has of each kind, all different.

    The SQL may depend on the kinds of the values, not on what they are.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *, examples: Sequence[Any]) -> None:
        self._build = build
        self._examples = tuple(examples)
        self._lock = threading.Lock()
        self._made: _Made[M] | None = None

    def rows(self, *values: Any) -> list[M]:
        """The rows for these values, one for each of the examples."""
        made = self._made or self._make()
        return made.rows(values)

    def _make(self) -> "_Made[M]":
        # Not before the first request: only then is it known which database this is.
        with self._lock:
            if self._made is None:
                self._made = _Made(self._build(*self._examples), self._examples)
            return self._made


class _Made(Generic[M]):
    """The SQL, where its parameters come from, and how its rows become objects."""

    def __init__(self, queryset: QuerySet[M], examples: Sequence[Any]) -> None:
        compiler: SQLCompiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, parameters = compiler.as_sql()
        prepared = [_prepared(value) for value in examples]
        self._sources = [prepared.index(value) if value in prepared else None for value in parameters]
        self._constants = tuple(parameters)
        if {source for source in self._sources if source is not None} != set(range(len(examples))):
            raise ValueError(f"not all of {examples!r} are parameters of {self._sql}")
        selected = [expression for expression, _, _ in compiler.select]
        self._names = [expression.target.attname for expression in selected]
        self._converters = compiler.get_converters(selected)
        self._model = queryset.model

    def rows(self, values: Sequence[Any]) -> list[M]:
        given = [_prepared(value) for value in values]
        sources = zip(self._sources, self._constants, strict=True)
        parameters = [constant if source is None else given[source] for source, constant in sources]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            found = cursor.fetchall()
        return [self._model.from_db(DEFAULT_DB_ALIAS, self._names, self._converted(row)) for row in found]

    def _converted(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, (converters, expression) in self._converters.items():
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        return values


def _prepared(value: Any) -> Any:
    """Gives the value as the ORM hands it to the driver."""
    return sql.uuid_value(value) if isinstance(value, UUID) else value
