"""Takes the log over into a table that is partitioned by the day, on PostgreSQL, while it is written to and read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.models.identifiers import earliest_uuid7

LOG = "jobs_logevent"
# What was there before, up to a day that is yet to come; and what has no day of its own, which nothing should be.
BEFORE, REST = f"{LOG}_before", f"{LOG}_rest"
_NEW = f"{LOG}_new"
_INDEXES = {"log_of_user": "(user_id, id)", "log_of_job": "(job_id, id)"}
_DAY = timedelta(days=1)
# Beat makes those that follow.
_DAYS_AHEAD = 8
_LOCK_MILLISECONDS = 500
_TRIES = 120


def take_over(connection: BaseDatabaseWrapper, *, now: datetime) -> None:
    """To be called outside of a transaction. Broken off, it begins anew when it is called again.

    The old table becomes the first part of the new one, up to a day that is yet to come: that all its rows are from
    before then is checked beside what goes on, and then only names are changed, under a lock that is held for moments.
    """
    if _row(connection, "SELECT relkind FROM pg_class WHERE oid = %s::regclass", LOG)[0] == "p":
        return
    is_empty = not _row(connection, f"SELECT EXISTS (SELECT 1 FROM {LOG})")[0]
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    cut = today if is_empty else today + 2 * _DAY
    _in_moments(connection, [f"ALTER TABLE {LOG} DROP CONSTRAINT IF EXISTS log_before_cut"])
    _make_new(connection, first_day=cut)
    if is_empty:
        _in_moments(connection, [f"LOCK TABLE {LOG}", *_replace(), f"DROP TABLE {BEFORE}"], only_if_empty=LOG)
        return
    is_before = f"CHECK (id < '{earliest_uuid7(cut)}')"
    _in_moments(connection, [f"ALTER TABLE {LOG} ADD CONSTRAINT log_before_cut {is_before} NOT VALID"])
    _execute(connection, f"ALTER TABLE {LOG} VALIDATE CONSTRAINT log_before_cut")
    attach = f"ALTER TABLE {LOG} ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{earliest_uuid7(cut)}')"
    forget = f"ALTER TABLE {BEFORE} DROP CONSTRAINT log_before_cut"
    _in_moments(connection, [f"LOCK TABLE {LOG}", *_replace(), attach, forget])


def _make_new(connection: BaseDatabaseWrapper, *, first_day: datetime) -> None:
    _execute(connection, f"DROP TABLE IF EXISTS {_NEW}")
    columns = f"LIKE {LOG} INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
    _execute(connection, f"CREATE TABLE {_NEW} ({columns}) PARTITION BY RANGE (id)")
    _execute(connection, f"ALTER TABLE {_NEW} ADD CONSTRAINT {_NEW}_pkey PRIMARY KEY (id)")
    for name, fields in _INDEXES.items():
        _execute(connection, f"CREATE INDEX {name}_new ON {_NEW} {fields}")
    _execute(connection, f"CREATE TABLE {REST} PARTITION OF {_NEW} DEFAULT")
    for number in range(_DAYS_AHEAD):
        day = first_day + number * _DAY
        bounds = f"FROM ('{earliest_uuid7(day)}') TO ('{earliest_uuid7(day + _DAY)}')"
        _execute(connection, f"CREATE TABLE {LOG}_{day:%Y%m%d} PARTITION OF {_NEW} FOR VALUES {bounds}")


def _replace() -> list[str]:
    """Each name is given to what is new, as migrations to come mean that by it."""
    statements = [f"ALTER TABLE {LOG} RENAME TO {BEFORE}", f"ALTER TABLE {_NEW} RENAME TO {LOG}"]
    for name in (f"{LOG}_pkey", *_INDEXES):
        new = f"{_NEW}_pkey" if name == f"{LOG}_pkey" else f"{name}_new"
        statements += [f"ALTER INDEX {name} RENAME TO {name}_before", f"ALTER INDEX {new} RENAME TO {name}"]
    return statements


def _in_moments(connection: BaseDatabaseWrapper, statements: list[str], *, only_if_empty: str | None = None) -> None:
    """All in one transaction, whose locks are asked for briefly and again: who waits for one holds up all behind it."""

    def run() -> None:
        with transaction.atomic(using=connection.alias):
            _execute(connection, f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")
            if only_if_empty and _row(connection, f"SELECT EXISTS (SELECT 1 FROM {only_if_empty})")[0]:
                raise RuntimeError("the log was empty and is not any more: run the migration again")
            for statement in statements:
                _execute(connection, statement)

    _again_and_again(run)


def _again_and_again(run: Callable[[], None]) -> None:
    for tried in range(1, _TRIES + 1):
        try:
            run()
        except OperationalError:
            if tried == _TRIES:
                raise
            time.sleep(1.0)
        else:
            return


def _execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _row(connection: BaseDatabaseWrapper, statement: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()
