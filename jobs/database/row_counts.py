"""How many rows there are, at a bounded cost: counted up to a limit, or as the database estimates it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Count, QuerySet

from jobs.database import sql

# PostgreSQL reads a table of this size in some tens of milliseconds; the larger ones are estimated.
_SIZE = """
SELECT pg_relation_size(%(table)s::regclass)
    + COALESCE((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(%(table)s::regclass)), 0)
"""
_COUNTED_BYTES = 32 * 1024 * 1024


def up_to(rows: QuerySet[Any], most: int) -> int:
    """How many `rows` there are; `most` may mean more."""
    return rows.order_by()[:most].count()


def each_up_to(several: Sequence[QuerySet[Any]], most: int) -> list[int]:
    """Counts each as up_to does, in one query. Ordered ones are read in their order, and so by the index that has it:
    else PostgreSQL may go through the whole table for the first `most`, where it thinks that there are enough."""
    parts: list[str] = []
    parameters: list[Any] = []
    for place, rows in enumerate(several):
        try:
            text, own = rows[:most].values("pk").query.sql_with_params()
        except EmptyResultSet:
            text, own = "SELECT 1 WHERE 1 = 0", ()
        parts.append(f"(SELECT COUNT(*) FROM ({text}) AS c{place})")
        parameters += own
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", parameters)
        return list(cursor.fetchone())


def by_state(model: type[models.Model], states: Iterable[str]) -> dict[str, int]:
    """Rows by their column `state`: exact on SQLite and in small tables, else by PostgreSQL's statistics."""
    if sql.is_postgresql() and _size(model) > _COUNTED_BYTES:
        return {state: estimate(model._default_manager.filter(state=state)) for state in states}
    counted = model._default_manager.order_by().values_list("state").annotate(Count("pk"))
    return dict(counted)


def of_table(model: type[models.Model]) -> int:
    """All rows: exact on SQLite and in small tables, else by PostgreSQL's statistics."""
    if sql.is_postgresql() and _size(model) > _COUNTED_BYTES:
        return estimate(model._default_manager.all())
    return model._default_manager.count()


def estimate(rows: QuerySet[Any]) -> int:
    """What PostgreSQL's planner expects, from its statistics and the present size of the table; it reads no row."""
    text, parameters = rows.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", parameters)
        [answer] = cursor.fetchone()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return int(plan[0]["Plan"]["Plan Rows"])


def highest_id(model: type[models.Model]) -> int:
    """The highest id ever given out: it only rises, whatever is deleted."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if sql.is_postgresql():
            cursor.execute(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)", [table]
            )
        else:
            cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        return int(cursor.fetchone()[0])


def _size(model: type[models.Model]) -> int:
    """The size of the model's table in bytes."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZE, {"table": model._meta.db_table})
        return int(cursor.fetchone()[0])
