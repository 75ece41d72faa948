"""When hosts were parked is kept after it is over: with its begin and its end, once, whatever becomes of workers."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from jobs.database import clock
from jobs.models import ParkedHost, Tally, User
from jobs.models.identifiers import earliest_uuid7, uuid7
from jobs.operating import retention
from jobs.telemetry import counters, parked_hosts
from tests.factories import NOON

pytestmark = pytest.mark.django_db

ORIGIN = "https://a.example/"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def worker(user: User) -> Tally:
    return Tally.objects.create(id=uuid7(), name="worker-1", flushed_at=NOON)


def tell(worker: Tally, user: User, *, now: datetime, parked: datetime | None = None,
         released: tuple[datetime, datetime] | None = None, origin: str = ORIGIN) -> None:  # fmt: skip
    """What the worker's page says from now on; and beat looks."""
    gauges = {}
    if parked is not None:
        gauges[f"{counters.PARKED}|{user.id.hex}|{origin}"] = parked.timestamp()
    if released is not None:
        since, until = released
        gauges[f"{counters.RELEASED}|{user.id.hex}|{since.timestamp():.3f}|{origin}"] = until.timestamp()
    Tally.objects.filter(id=worker.id).update(gauges=gauges, flushed_at=now)
    parked_hosts.keep(now=now)


def kept() -> list[tuple[datetime, datetime | None]]:
    return list(ParkedHost.objects.order_by("since").values_list("since", "until"))


def test_it_lasts_until_no_worker_parks_it_any_more(worker: Tally, user: User) -> None:
    other = Tally.objects.create(id=uuid7(), name="worker-2", flushed_at=NOON)
    tell(worker, user, parked=NOON, now=NOON + SECOND)
    tell(other, user, parked=NOON + MINUTE, now=NOON + MINUTE)
    assert kept() == [(NOON, None)]
    tell(worker, user, released=(NOON, NOON + MINUTE), now=NOON + MINUTE)
    assert kept() == [(NOON, None)]
    tell(other, user, released=(NOON + MINUTE, NOON + 2 * MINUTE), now=NOON + 2 * MINUTE + SECOND)
    assert kept() == [(NOON, NOON + 2 * MINUTE)]
    tell(other, user, now=NOON + 4 * MINUTE)
    assert kept() == [(NOON, NOON + 2 * MINUTE)]


def test_what_began_and_ended_between_two_looks_is_kept_once(worker: Tally, user: User) -> None:
    for later in (5, 10):
        tell(worker, user, released=(NOON, NOON + 2 * SECOND), now=NOON + later * SECOND)
    assert kept() == [(NOON, NOON + 2 * SECOND)]


def test_soon_parked_again_it_is_the_same_time_and_later_another(worker: Tally, user: User) -> None:
    tell(worker, user, parked=NOON, now=NOON)
    tell(worker, user, now=NOON + MINUTE)
    tell(worker, user, parked=NOON + 5 * MINUTE, now=NOON + 5 * MINUTE)
    assert kept() == [(NOON, None)]
    tell(worker, user, now=NOON + 6 * MINUTE)
    tell(worker, user, parked=NOON + 30 * MINUTE, now=NOON + 30 * MINUTE)
    assert kept() == [(NOON, NOON + 6 * MINUTE), (NOON + 30 * MINUTE, None)]


def test_of_a_worker_that_is_gone_it_is_over(worker: Tally, user: User) -> None:
    tell(worker, user, parked=NOON, now=NOON)
    parked_hosts.keep(now=NOON + 29 * SECOND)
    assert kept() == [(NOON, None)]
    parked_hosts.keep(now=NOON + 31 * SECOND)
    assert kept() == [(NOON, NOON + 31 * SECOND)]


def test_two_beats_keep_it_once(worker: Tally, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_hosts, "_latest", lambda hosts: {})
    begin = parked_hosts._begin

    def twice(new: Any) -> None:
        begin(new)
        begin(new)

    monkeypatch.setattr(parked_hosts, "_begin", twice)
    tell(worker, user, parked=NOON, now=NOON)
    assert kept() == [(NOON, None)]


def test_one_tenant_fills_no_table(worker: Tally, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_hosts, "_MOST_KEPT", 2)
    for number in range(4):
        tell(worker, user, parked=NOON, now=NOON, origin=f"https://{number}.example/{'x' * 400 if number else ''}")
    assert ParkedHost.objects.count() == 2


def test_a_look_where_nothing_is_parked_costs_two_queries(
    worker: Tally, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        parked_hosts.keep(now=NOON)


def test_what_is_long_over_is_deleted_and_what_lasts_is_not(user: User) -> None:
    now = clock.now()
    for days, lasted in ((70, MINUTE), (50, MINUTE), (70, None)):
        since = now - timedelta(days=days)
        until = None if lasted is None else since + lasted
        made = earliest_uuid7(since + (lasted or SECOND))
        ParkedHost.objects.create(id=made, user=user, origin=f"{days}{lasted}", since=since, until=until)
    retention.prune(now=now, pace=retention.Pace(pause_seconds=0))
    assert set(ParkedHost.objects.values_list("origin", flat=True)) == {"500:01:00", "70None"}


def test_a_thousand_at_once_are_kept(worker: Tally, user: User) -> None:
    """SQLite takes no condition with so many parts."""
    gauges = {f"{counters.PARKED}|{uuid7().hex}|https://{number}.example/": NOON.timestamp() for number in range(1200)}
    Tally.objects.filter(id=worker.id).update(gauges=gauges, flushed_at=NOON)
    parked_hosts.keep(now=NOON)
    assert ParkedHost.objects.count() == 1200
