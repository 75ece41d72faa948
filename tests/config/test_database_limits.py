"""A web request waits for the database as long as the settings say, and never because a pooler was told so."""

import sqlite3
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError, connection, transaction
from pytest_django import Settings

from config.sqlite import base
from config.sqlite.line import Line
from config.web import database_limits

on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="about PostgreSQL's own time-outs")


def shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@on_postgresql
@pytest.mark.django_db
def test_a_statement_that_takes_longer_is_broken_off(settings: Settings) -> None:
    settings.WEB_STATEMENT_SECONDS, settings.WEB_LOCK_SECONDS = 0.1, 5
    assert database_limits.limit(connection, backend_pid=connection.connection.info.backend_pid)
    assert (shown("statement_timeout"), shown("lock_timeout")) == ("100ms", "5s")
    with (
        pytest.raises(OperationalError, match="statement timeout"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(60)")


@on_postgresql
@pytest.mark.django_db
def test_a_pooler_whose_servers_others_use_as_well_is_told_nothing() -> None:
    before = (shown("statement_timeout"), shown("lock_timeout"))
    assert not database_limits.limit(connection, backend_pid=connection.connection.info.backend_pid + 1)
    assert (shown("statement_timeout"), shown("lock_timeout")) == before


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_between_two_requests_is_replaced_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = connection.copy()
    own.settings_dict = {**own.settings_dict, "CONN_HEALTH_CHECKS": True}
    own.ensure_connection()
    monkeypatch.setattr(database_limits, "connections", {DEFAULT_DB_ALIAS: own})
    with pytest.raises(ProgrammingError), own.cursor() as cursor:
        cursor.execute("SELECT nothing_of_this_name")
    database_limits._close_broken()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [own.connection.info.backend_pid])
    with own.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    own.close()


def test_who_waits_for_sqlites_lock_gives_up_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(base, "longest_wait_seconds", 0.0)
    tries = []

    def busy() -> None:
        tries.append(1)
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    own = sqlite3.connect(":memory:", factory=base.Connection)
    own.line = Line(tmp_path / "line")
    with pytest.raises(sqlite3.OperationalError):
        base.Cursor(own)._in_turn(busy, stands_back=False)
    own.close()
    assert 1 <= len(tries) <= 2
