"""Whether an idle connection to PostgreSQL still is one: seen by its socket, and asked where that has something."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql import base as django_base

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="about PostgreSQL's connections"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def idle() -> Iterator[Any]:
    connection.ensure_connection()
    yield connection
    connection.close()


def test_one_that_is_well_is_not_asked(idle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_base.DatabaseWrapper, "is_usable", lambda self: pytest.fail("it was asked"))
    assert idle.is_usable()


def test_one_that_the_server_has_ended_is_not_usable(idle: Any) -> None:
    pid = idle.connection.info.backend_pid
    with psycopg.connect(**_parameters(idle), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not idle.is_usable()
    idle.close()
    idle.ensure_connection()
    assert idle.is_usable()


def test_one_that_is_closed_is_not_usable(idle: Any) -> None:
    idle.connection.close()
    assert not idle.is_usable()


def _parameters(idle: Any) -> dict[str, Any]:
    info = idle.connection.info
    return {"host": info.host, "port": info.port, "user": info.user, "dbname": info.dbname}


def test_no_statement_is_compiled(idle: Any) -> None:
    with idle.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
