"""Many rows out of one, made by the database itself: the one has what models and their defaults give it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models

_SERIES = {
    "postgresql": "(SELECT generate_series(1::bigint, %s) AS i)",
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) SELECT i FROM n)",
}


def fill(model: type[models.Model], count: int, *, of: Any, fresh: Mapping[str, str]) -> None:
    """`count` copies of the row whose primary key is `of`, with `fresh` expressions in place of some columns.

    They may use `s.i`, which is 1 in the first and `count` in the last. `id` is the sequence's if it is not among them.
    """
    if count > 0:
        table = model._meta.db_table
        names, values = _columns(table, fresh)
        source = f"SELECT {values} FROM {table}, {_SERIES[connection.vendor]} AS s WHERE {table}.id = %s"
        execute(f"INSERT INTO {table} ({names}) {source}", count, _key(of))


def _columns(table: str, fresh: Mapping[str, str]) -> tuple[str, str]:
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    serial = "" if "id" in fresh else "id"
    names = [column.name for column in described if column.name != serial]
    values = ", ".join(f"({fresh[name]})" if name in fresh else f'{table}."{name}"' for name in names)
    # Parameters follow.
    values = values.replace("%", "%%")
    return ", ".join(f'"{name}"' for name in names), values


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _key(of: Any) -> Any:
    return of.hex if isinstance(of, UUID) and connection.vendor == "sqlite" else of


# How both databases write what their functions differ in.


def moment(now: float, seconds: str) -> str:
    """So many `seconds` after the unix time `now`; negative: before it."""
    if connection.vendor == "postgresql":
        return f"to_timestamp({now!r} + ({seconds}))"
    return f"strftime('%Y-%m-%d %H:%M:%f', {now!r} + ({seconds}), 'unixepoch')"


def uuid_at(now: float, seconds: str, number: str) -> str:
    """A version 7 UUID of that moment; `number` tells apart those of the same."""
    ms = f"CAST(({now!r} + ({seconds})) * 1000 AS bigint)"
    if connection.vendor == "postgresql":
        high, low = f"lpad(to_hex({ms}), 12, '0')", f"lpad(to_hex(CAST({number} AS bigint)), 15, '0')"
        return f"CAST({high} || '70008' || {low} AS uuid)"
    return f"printf('%012x70008%015x', {ms}, {number})"


def uuid_of(value: UUID) -> str:
    return f"CAST('{value}' AS uuid)" if connection.vendor == "postgresql" else f"'{value.hex}'"
