"""DATABASE_URL: one host or several, and words instead of a traceback."""

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import ConnectionHandler

from config import database_url


def test_one_host_is_taken_as_it_is() -> None:
    database = database_url.parse("postgres://u:p@db.example:5433/booper")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "booper")
    assert "OPTIONS" not in database


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("a,b", "a,b", "5432,5432"),
        ("a:5433,b", "a,b", "5433,5432"),
        ("a:5433,b:5434,c:5435", "a,b,c", "5433,5434,5435"),
    ],
)
def test_several_hosts_keep_a_port_each_and_ask_for_the_one_that_takes_writes(hosts: str, host: str, port: str) -> None:
    database = database_url.parse(f"postgres://u:p%40ss@{hosts}/booper")
    assert (database["HOST"], database["PORT"]) == (host, port)
    assert (database["USER"], database["PASSWORD"], database["NAME"]) == ("u", "p@ss", "booper")
    assert database["OPTIONS"] == {"target_session_attrs": "read-write"}


def test_a_url_may_say_itself_which_of_several_servers_it_means() -> None:
    database = database_url.parse("postgres://u@a,b/booper?target_session_attrs=any&sslmode=require")
    assert database["OPTIONS"] == {"target_session_attrs": "any", "sslmode": "require"}


@pytest.mark.parametrize("hosts", ["a,", ",b", "a,,b", "a:x,b", "a:99999"])
def test_a_url_that_is_not_understood_is_refused_in_words_without_its_password(hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL is not understood") as refusal:
        database_url.parse(f"postgres://u:hunter2@{hosts}/booper")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.django_db
def test_a_server_that_is_away_is_passed_over() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no hosts")
    own = settings.DATABASES["default"]
    # Nothing listens at port 1.
    database = database_url.parse(
        f"postgres://{own['USER']}@{own['HOST']}:1,{own['HOST']}:{own['PORT'] or 5432}/postgres"
    )
    other = ConnectionHandler({"default": {**database, "PASSWORD": own["PASSWORD"]}})["default"]
    try:
        with other.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            assert cursor.fetchone() == ("off",)
    finally:
        other.close()
