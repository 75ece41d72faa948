"""Gives columns of large tables another type in small bites: nobody waits for longer than a batch of rows takes."""

from collections.abc import Sequence
from typing import Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

_BATCH = 5_000
# Of a second each.
_TRIES = 120


def retype(
    connection: BaseDatabaseWrapper, *, table: str, key: str, columns: Sequence[str], kind: str, batch: int = _BATCH
) -> None:
    """Turns `columns` of `table` into the type `kind`, on PostgreSQL. To be called outside of a transaction.

    ALTER COLUMN … TYPE would rewrite the whole table, and nobody could read it meanwhile. Here each column steps aside
    for a new one, rows are carried over by their `key`, and the old column is dropped; only the catalogue is locked, for
    moments. Broken off, it goes on where it was when called again.
    """
    for column in columns:
        if _kind(connection, table, column) != kind:
            _step_aside(connection, table, column, kind)
    pending = [column for column in columns if _kind(connection, table, f"{column}_was") is not None]
    if pending:
        _carry_over(connection, table=table, key=key, columns=pending, kind=kind, batch=batch)
    for column in pending:
        _replace(connection, table, column)


def _rows(connection: BaseDatabaseWrapper, statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


_COLUMN = "FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s AND NOT attisdropped"


def _kind(connection: BaseDatabaseWrapper, table: str, column: str) -> str | None:
    """None if there is no such column."""
    found = _rows(connection, f"SELECT format_type(atttypid, atttypmod) {_COLUMN}", table, column)
    return str(found[0][0]) if found else None


def _is_required(connection: BaseDatabaseWrapper, table: str, column: str) -> bool:
    return bool(_rows(connection, f"SELECT attnotnull {_COLUMN}", table, column)[0][0])


def _step_aside(connection: BaseDatabaseWrapper, table: str, column: str, kind: str) -> None:
    statements = [
        f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_was",
        f"ALTER TABLE {table} ALTER COLUMN {column}_was DROP NOT NULL, ADD COLUMN {column} {kind}",
    ]
    if _is_required(connection, table, column):
        # NOT VALID: new rows are held to it, without a look at those there are.
        is_there = f"CHECK ({column} IS NOT NULL OR {column}_was IS NOT NULL) NOT VALID"
        statements.append(f"ALTER TABLE {table} ADD CONSTRAINT {column}_is_there {is_there}")
    _alter(connection, *statements)


def _alter(connection: BaseDatabaseWrapper, *statements: str) -> None:
    """All of them or none. It steps back now and then, as whoever comes after one who waits for a lock waits too."""
    for is_last in (*[False] * _TRIES, True):
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '1s'")
                for statement in statements:
                    cursor.execute(statement)
            return
        except OperationalError:
            if is_last:
                raise


def _carry_over(
    connection: BaseDatabaseWrapper, *, table: str, key: str, columns: Sequence[str], kind: str, batch: int
) -> None:
    moved = ", ".join(f"{column} = COALESCE({column}, {column}_was::{kind}), {column}_was = NULL" for column in columns)
    waiting = " OR ".join(f"{column}_was IS NOT NULL" for column in columns)
    keys = _rows(connection, f"SELECT {key} FROM {table} ORDER BY {key} LIMIT {batch}")
    while keys:
        first, last = keys[0][0], keys[-1][0]
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {moved} WHERE {key} BETWEEN %s AND %s AND ({waiting})", [first, last])
        keys = _rows(connection, f"SELECT {key} FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT {batch}", last)


def _replace(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    """The old column goes; where it was NOT NULL the new one is, which a valid constraint proves without a look."""
    guard, proof = f"{column}_is_there", f"{column}_not_null"
    if not _rows(
        connection, "SELECT 1 FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s", table, guard
    ):
        _alter(connection, f"ALTER TABLE {table} DROP COLUMN {column}_was")
        return
    _alter(
        connection,
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {proof},"
        f" ADD CONSTRAINT {proof} CHECK ({column} IS NOT NULL) NOT VALID",
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {proof}")
    _alter(
        connection,
        f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL",
        f"ALTER TABLE {table} DROP CONSTRAINT {proof}, DROP CONSTRAINT {guard}, DROP COLUMN {column}_was",
    )
