"""The few places where PostgreSQL and SQLite are spoken to differently, for the statements the ORM has no words for."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, models

from booper.content import exact_json
from jobs.models import sealed_json_field

# As both databases read it: before all times that a row may have.
EARLIEST = "0001-01-01 00:00:00"
# COPY is asked for in one round trip and given its rows in another.
_FEWEST_TO_COPY = 16

Row = tuple[Any, ...]


@cache
def is_postgresql() -> bool:
    """Asked once a process: Django looks up the thread's connection for each answer, and a job asks eight times."""
    return connection.vendor == "postgresql"


def uuid_value(value: UUID) -> Any:
    return value if is_postgresql() else value.hex


def time_value(moment: datetime) -> Any:
    """Gives the moment as the database stores it: text on SQLite, where a comparison is one of strings."""
    return connection.ops.adapt_datetimefield_value(moment)


def null_time(name: str = "now") -> str:
    """A typed parameter: PostgreSQL cannot tell the type of one that stands alone in a CASE."""
    return f"%({name})s::timestamptz" if is_postgresql() else f"%({name})s"


def chosen(*selects: str) -> str:
    """The condition on `id` of an UPDATE of the rows that the `selects` pick, each row for one caller alone.

    ARRAY() makes PostgreSQL pick once; a bare IN may be planned so that the LIMIT applies many times over. SQLite
    has one writer at a time and needs no lock.
    """
    lock = " FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    union = " UNION ALL ".join(f"SELECT id FROM ({select}{lock}) AS s{n}" for n, select in enumerate(selects))
    return f"= ANY(ARRAY({union}))" if is_postgresql() else f"IN ({union})"


def owned_by(user_id: UUID) -> models.Q | models.Func:
    """The condition on the rows of a list; to be ordered by `user_id`, then `id`.

    With `user_id = …` PostgreSQL takes it that everybody's rows lie evenly mixed, and walks the primary key until it
    has met ten of this user's: it may read a million of somebody else's first. An array it does not see through, and
    then only an index that begins with the user has the rows in that order.
    """
    if not is_postgresql():
        return models.Q(user_id=user_id)
    owner = models.Value(user_id, models.UUIDField())
    return models.Func(
        models.F("user_id"),
        owner,
        template="%(expressions)s])",
        arg_joiner=" = ANY(ARRAY[",
        output_field=models.BooleanField(),
    )


def one_of(column: str, ids: models.QuerySet[Any]) -> models.Q | models.Func:
    """The condition that `column` is among `ids`, which are read first: with IN PostgreSQL may go through all that an
    index has, of everybody, to compare it with them."""
    if not is_postgresql():
        return models.Q(**{f"{column}__in": ids})
    return models.Func(
        models.F(column),
        models.Subquery(ids),
        template="%(expressions)s)",
        arg_joiner=" = ANY(ARRAY",
        output_field=models.BooleanField(),
    )


def rows(**columns: str) -> str:
    """A SELECT of the JSON list of objects %(rows)s as a table; `columns` are names and PostgreSQL types."""
    if is_postgresql():
        types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r({types})"
    values = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return f"SELECT {values} FROM json_each(%(rows)s)"


def json_parameter(values: Any) -> str:
    """`values` as the text of a JSON parameter. Numbers beyond 64 bits and lone surrogates are left to the slow one."""
    try:
        return orjson.dumps(values).decode()
    except TypeError:
        return json.dumps(values)


def insert(model: type[models.Model], objects: Sequence[models.Model], **columns: str) -> None:
    """All `objects` in one statement, however many; `columns` are names and PostgreSQL types.

    bulk_create passes each value as a parameter of its own, of which SQLite takes a thousand, and is slower.
    """
    insert_rows(model._meta.db_table, [row(item, columns) for item in objects], **columns)


def insert_rows(table: str, rows: Sequence[Row], **columns: str) -> None:
    """The same for rows whose values are those of JSON already, in the order of `columns`."""
    if len(rows) >= _FEWEST_TO_COPY and is_postgresql():
        _copy(table, rows, columns)
    elif rows:
        with connection.cursor() as cursor:
            cursor.execute(_insert(table, columns), {"rows": _objects(rows, columns)})


def _copy(table: str, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """PostgreSQL takes a row so for half of what it takes to read it out of JSON."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    of_json = {place for place, kind in enumerate(columns.values()) if kind == "jsonb"}
    if of_json:
        rows = [_with_json_as_text(row, of_json) for row in rows]
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _with_json_as_text(row: Row, of_json: set[int]) -> Row:
    """The row as COPY reads it: a list is an array to it."""
    return tuple(
        json_parameter(value) if place in of_json and value is not None else value for place, value in enumerate(row)
    )


def insert_returning(
    model: type[models.Model], objects: Iterable[models.Model], *returning: str, **columns: str
) -> list[tuple[Any, ...]]:
    """The same, and what the database made of the columns `returning`, in no order."""
    rows = [row(item, columns) for item in objects]
    if not rows:
        return []
    statement = f"{_insert(model._meta.db_table, columns)} RETURNING {', '.join(returning)}"
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": _objects(rows, columns)})
        return list(cursor.fetchall())


def _insert(table: str, columns: Mapping[str, str]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM ({rows(**columns)}) AS r"


def _objects(rows: Iterable[Row], columns: Iterable[str]) -> str:
    return json_parameter([dict(zip(columns, row, strict=True)) for row in rows])


def row(item: models.Model, columns: Mapping[str, str]) -> Row:
    """The values of `columns` of `item`, for `insert_rows`."""
    return tuple(
        [
            value if type(value := getattr(item, name)) in _PLAIN else _as_json(value, kind, is_request=name == "args")
            for name, kind in columns.items()
        ]
    )


# Of nearly all columns, and JSON as they are. The texts of a model's choices are of another type.
_PLAIN = {str, int, float, bool, type(None)}


def _as_json(value: Any, kind: str, *, is_request: bool) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, tzinfo | models.TextChoices):
        return str(value)
    # What clients and targets sent is kept as text.
    if kind != "text" or not isinstance(value, dict | list):
        return value
    return sealed_json_field.dumps(value) if is_request else exact_json.dumps(value).decode()


def time_text(moment: datetime) -> str:
    """Gives the moment as text that both databases read, in SQLite's own spelling."""
    return _time_text(moment, has_zones=is_postgresql())


# The thousand rows of a batch share a handful of times.
@lru_cache(maxsize=256)
def _time_text(moment: datetime, *, has_zones: bool) -> str:
    return str(moment) if has_zones else str(moment.astimezone(UTC).replace(tzinfo=None))


def json_text(column: str, *path: str) -> models.Func:
    """What stands at `path` in a column of JSON that is text, as text: only that is fetched.

    PostgreSQL reads it as json, which leaves numbers alone; jsonb would choke on some.
    """
    template = (
        "%(function)s(%(expressions)s::json, %(path)s)"
        if is_postgresql()
        else "%(function)s(%(expressions)s, %(path)s)"
    )
    places = ", ".join(f"'{name}'" for name in path) if is_postgresql() else f"'$.{'.'.join(path)}'"
    function = "json_extract_path_text" if is_postgresql() else "json_extract"
    return models.Func(
        models.F(column), function=function, template=template, path=places, output_field=models.TextField()
    )


def guard(column: str, value: str) -> str:
    """The condition `column` = `value` on rows that are found by their id.

    In plain words PostgreSQL may read an index of all that are so instead, which it takes to be nearly empty: with it
    whatever an old snapshot keeps there.
    """
    return f"{column} || '' = '{value}'"


def by_id_alone() -> str:
    """Behind the table of an UPDATE … FROM: SQLite would else walk an index of all that is executing, for each row."""
    return "" if is_postgresql() else "NOT INDEXED"


def time_from_row(value: datetime) -> datetime:
    """Gives the moment that a driver returned: SQLite's has no zone."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
