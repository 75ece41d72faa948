"""Signs of life: who is late waits for a server or is stuck, and only the latter is no longer live."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from jobs.telemetry.signs_of_life import SignsOfLife


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signs(clock: Clock) -> SignsOfLife:
    return SignsOfLife(monotonic=clock)


@contextmanager
def a_thread_that_stands(signs: SignsOfLife, stand: Callable[[threading.Event], object]) -> Iterator[None]:
    """One that has given a sign of life and then stands in `stand` until the end."""
    begun, released = threading.Event(), threading.Event()

    def run() -> None:
        signs.sign("database")
        begun.set()
        stand(released)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    begun.wait(5)
    try:
        yield
    finally:
        released.set()
        thread.join(5)


def as_if_in(module: str) -> Callable[[threading.Event], object]:
    """A function of that module that waits."""
    names: dict[str, Callable[[threading.Event], object]] = {"__name__": module}  # type: ignore[dict-item]
    exec("def stand(released):\n    released.wait(20)\n", names)  # our own text
    return names["stand"]


def test_a_process_in_which_nothing_runs_is_not_live(signs: SignsOfLife) -> None:
    vitals = signs.look()
    assert (vitals.is_live, vitals.is_ready) == (False, False)
    assert str(vitals) == "nothing runs in it"


def test_one_whose_threads_keep_their_word_is_ready(signs: SignsOfLife, clock: Clock) -> None:
    signs.sign("database", within_seconds=300)
    clock.seconds += 305
    assert signs.look().is_ready
    assert str(signs.look()) == "all goes on"


def test_a_thread_that_stands_still_in_our_own_code_is_stuck_after_a_minute(signs: SignsOfLife, clock: Clock) -> None:
    with a_thread_that_stands(signs, as_if_in("jobs.engine.engine")):
        clock.seconds += 30
        assert (signs.look().is_live, signs.look().is_ready) == (True, False)
        clock.seconds += 45
        vitals = signs.look()
        assert not vitals.is_live
        assert str(vitals) == "its thread database has stood still for 75 s"
        assert "released.wait(20)" in signs.stacks()["database"] or "in stand" in signs.stacks()["database"]


@pytest.mark.parametrize(
    ("module", "server"),
    [
        ("django.db.backends.postgresql.base", "the database"),
        ("kombu.connection", "the broker"),
        ("redis._parsers.base", "the broker"),
    ],
)
def test_one_that_waits_for_a_server_lives_however_long_and_is_not_ready(
    signs: SignsOfLife, clock: Clock, module: str, server: str
) -> None:
    with a_thread_that_stands(signs, as_if_in(module)):
        clock.seconds += 3600
        vitals = signs.look()
        assert (vitals.is_live, vitals.is_ready) == (True, False)
        assert str(vitals) == f"its thread database has stood still for 3600 s, waiting for {server}"


@pytest.mark.parametrize("module", ["kombus.connection", "django.database", "rediscovered"])
def test_a_name_that_only_begins_alike_is_no_server(signs: SignsOfLife, clock: Clock, module: str) -> None:
    with a_thread_that_stands(signs, as_if_in(module)):
        clock.seconds += 3600
        assert not signs.look().is_live


def test_who_called_our_own_code_does_not_count(signs: SignsOfLife, clock: Clock) -> None:
    inner = as_if_in("jobs.tasks")
    names: dict[str, Callable[[threading.Event], object]] = {"__name__": "kombu.messaging", "inner": inner}  # type: ignore[dict-item]
    exec("def stand(released):\n    inner(released)\n", names)  # our own text
    with a_thread_that_stands(signs, names["stand"]):
        clock.seconds += 3600
        assert not signs.look().is_live


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_for_ever_is_a_wait_for_the_database(signs: SignsOfLife, clock: Clock) -> None:
    """On a real connection: PostgreSQL waits for a lock that nobody gives back, SQLite for a function of ours."""
    key = 4_730_115

    def stand(released: threading.Event) -> None:
        try:
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT pg_advisory_lock(%s)", [key])
                else:
                    connection.connection.create_function("stand", 0, lambda: released.wait(20) and 1)
                    cursor.execute("SELECT stand()")
        finally:
            connection.close()

    with connection.cursor() as holder:
        if connection.vendor == "postgresql":
            holder.execute("SELECT pg_advisory_lock(%s)", [key])
        try:
            with a_thread_that_stands(signs, stand):
                deadline = threading.Event()
                for _ in range(100):
                    clock.seconds += 60
                    if str(signs.look()).endswith("waiting for the database"):
                        break
                    deadline.wait(0.02)
                assert str(signs.look()).endswith("waiting for the database")
                assert signs.look().is_live
                if connection.vendor == "postgresql":
                    holder.execute("SELECT pg_advisory_unlock(%s)", [key])
        finally:
            if connection.vendor == "postgresql":
                holder.execute("SELECT pg_advisory_unlock_all()")


def test_a_thread_that_is_gone_without_a_word_is_stuck(signs: SignsOfLife, clock: Clock) -> None:
    thread = threading.Thread(target=signs.sign, args=("network",))
    thread.start()
    thread.join()
    clock.seconds += 61
    assert not signs.look().is_live
    assert signs.stacks() == {"network": "it has ended\n"}


def test_one_that_has_ended_as_it_should_is_asked_no_more(signs: SignsOfLife, clock: Clock) -> None:
    signs.sign("start")
    signs.sign("database", within_seconds=1000)
    signs.end("start")
    clock.seconds += 900
    assert signs.look().is_ready


def test_who_says_what_it_lacks_lives_and_is_ready_once_it_is_there(signs: SignsOfLife) -> None:
    signs.sign("database")
    signs.wait_for("the database", "connection refused")
    assert (signs.look().is_live, str(signs.look())) == (True, "the database: connection refused")
    signs.have("the database")
    assert signs.look().is_ready


def test_one_that_is_told_to_end_lives_until_it_has(signs: SignsOfLife, clock: Clock) -> None:
    signs.sign("database")
    signs.is_ending = True
    clock.seconds += 3600
    assert (signs.look().is_live, signs.look().is_ready) == (True, False)


def test_the_first_sign_is_told_of_once(signs: SignsOfLife) -> None:
    told: list[str] = []
    signs.at_first(lambda: told.append("begun"))
    signs.sign("start")
    signs.sign("database")
    assert told == ["begun"]
