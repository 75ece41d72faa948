"""Columns of large tables get another type a batch at a time, and whoever reads or writes meanwhile does not wait."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.migrations import _column_types

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 23


@pytest.fixture
def table() -> Iterator[str]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one type for all texts")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE things (id bigint PRIMARY KEY, args jsonb NOT NULL, previous jsonb)")
        cursor.execute(
            "INSERT INTO things SELECT n, jsonb_build_object('b', n, 'aa', 1.5),"
            " CASE WHEN n %% 2 = 0 THEN '{}'::jsonb END FROM generate_series(1, %s) AS n",
            [ROWS],
        )
    yield "things"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE things")


def retype(kind: str = "text") -> None:
    _column_types.retype(connection, table="things", key="id", columns=("args", "previous"), kind=kind, batch=5)


def rows() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, args, previous FROM things ORDER BY id")
        return list(cursor.fetchall())


def columns() -> dict[str, tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'things'"
        )
        return {name: (kind, nullable) for name, kind, nullable in cursor.fetchall()}


def constraints() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'things'::regclass")
        return [row[0] for row in cursor.fetchall()]


def test_every_row_is_carried_over_and_nothing_else_is_left(table):
    retype()
    expected = [(n, f'{{"b": {n}, "aa": 1.5}}', "{}" if n % 2 == 0 else None) for n in range(1, ROWS + 1)]
    assert rows() == expected
    assert columns() == {"id": ("bigint", "NO"), "args": ("text", "NO"), "previous": ("text", "YES")}
    assert constraints() == ["things_pkey"]


def test_no_statement_rewrites_the_table_or_writes_more_than_a_batch(table):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        retype()
    statements = [query["sql"] for query in captured.captured_queries]
    assert not [statement for statement in statements if " TYPE " in statement]
    updates = [statement for statement in statements if statement.startswith("UPDATE")]
    assert len(updates) == -(-ROWS // 5)
    assert all("BETWEEN" in statement for statement in updates)


def test_a_second_time_changes_nothing(table):
    retype()
    before = rows()
    retype()
    assert rows() == before


def test_it_goes_on_where_it_was_broken_off(table, monkeypatch):
    def break_off(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_column_types, "_replace", break_off)
        with pytest.raises(KeyboardInterrupt):
            retype()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO things (id, args) VALUES (99, '{\"new\": 1e16}')")
    retype()
    assert rows()[0] == (1, '{"b": 1, "aa": 1.5}', None)
    assert rows()[-1] == (99, '{"new": 1e16}', None)
    assert columns()["args"] == ("text", "NO")


def test_it_goes_back_the_same_way(table):
    before = columns()
    retype()
    retype("jsonb")
    assert columns() == before
    assert len(rows()) == ROWS
