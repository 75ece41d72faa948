"""Attempts by host and queue: the busiest by name, and bounded, whatever hosts and queues tenants invent."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from jobs.models import Queue
from jobs.telemetry import busiest, counters, exposition
from jobs.telemetry.busiest import Attempt, Busiest
from jobs.telemetry.counter_rows import CounterPage
from jobs.telemetry.counters import Tallies
from tests.factories import NOON, make_job, make_user
from tests.runs import OK, REFUSED, run_due


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tallies() -> Tallies:
    return Tallies()


@pytest.fixture
def hosts(clock: Clock) -> Busiest:
    return Busiest(busiest.HOSTS, monotonic=clock)


def attempts(tenant: str, *hosts: str, is_well: bool = True) -> Iterable[Attempt]:
    return [(tenant, host, is_well) for host in hosts]


def published(hosts: Busiest, tallies: Tallies, clock: Clock) -> dict[str, float]:
    clock.seconds += 60
    hosts.publish(tallies)
    return counters.by_label(tallies.read()[1], busiest.HOSTS)


def test_the_last_minute_is_told_by_host_and_outcome(hosts: Busiest, tallies: Tallies, clock: Clock):
    hosts.note(attempts("ada", "a.example", "a.example", "b.example"))
    hosts.note(attempts("ada", "a.example", is_well=False))
    assert published(hosts, tallies, clock) == {
        "success|a.example": 2 / 60,
        "failed|a.example": 1 / 60,
        "success|b.example": 1 / 60,
        "failed|b.example": 0,
        "success|other": 0,
        "failed|other": 0,
    }


def test_within_the_minute_nothing_changes_and_after_a_quiet_one_nothing_is_left(
    hosts: Busiest, tallies: Tallies, clock: Clock
):
    hosts.note(attempts("ada", "a.example"))
    before = published(hosts, tallies, clock)
    hosts.note(attempts("ada", "b.example"))
    clock.seconds += 30
    hosts.publish(tallies)
    assert counters.by_label(tallies.read()[1], busiest.HOSTS) == before
    clock.seconds += 30
    hosts.publish(tallies)
    assert published(hosts, tallies, clock) == {}


def test_a_tenant_that_invents_hosts_takes_neither_the_memory_nor_the_places_of_others(
    hosts: Busiest, tallies: Tallies, clock: Clock
):
    hosts.note(attempts("ada", "ours.example"))
    for number in range(100_000):
        hosts.note(attempts("eve", f"{number % 5000}.evil.example"))
    assert len(hosts._counts) <= 51
    shown = published(hosts, tallies, clock)
    assert len(shown) <= 2 * 21
    assert shown["success|ours.example"] == 1 / 60
    assert sum("evil" in label for label in shown) == 2 * busiest.MOST_SHOWN // 2
    assert sum(shown.values()) == pytest.approx(100_001 / 60)


def test_tenants_without_end_are_bounded_too(hosts: Busiest, tallies: Tallies, clock: Clock):
    for tenant in range(200):
        hosts.note(attempts(str(tenant), *(f"{tenant}.{number}.example" for number in range(50))))
    assert len(hosts._counts) <= 2000
    shown = published(hosts, tallies, clock)
    assert len(shown) == 2 * 21
    assert sum(shown.values()) == pytest.approx(10_000 / 60)


def test_a_tenant_alone_has_all_places(hosts: Busiest, tallies: Tallies, clock: Clock):
    hosts.note(attempts("ada", *(f"{number}.example" for number in range(30))))
    assert sum("other" not in label for label in published(hosts, tallies, clock)) == 2 * busiest.MOST_SHOWN


def test_a_host_that_two_tenants_name_is_one_and_one_that_is_called_other_is_among_the_others(
    hosts: Busiest, tallies: Tallies, clock: Clock
):
    hosts.note(attempts("ada", "a.example", "other"))
    hosts.note(attempts("bob", "a.example"))
    shown = published(hosts, tallies, clock)
    assert shown["success|a.example"] == 2 / 60
    assert shown["success|other"] == 1 / 60
    assert len(shown) == 4


def test_a_name_without_end_is_cut(hosts: Busiest, tallies: Tallies, clock: Clock):
    hosts.note(attempts("ada", "a" * 5000))
    assert max(map(len, published(hosts, tallies, clock))) == len("success|") + 100


def test_what_several_processes_say_is_added_up_and_bounded_again():
    pages = [
        {f"{busiest.HOSTS}|success|{number}.example": float(number) for number in range(30)}
        | {f"{busiest.HOSTS}|failed|other": 1.0},
        {f"{busiest.HOSTS}|success|29.example": 1.0, f"{busiest.HOSTS}|failed|29.example": 2.0, "in_flight": 7.0},
    ]
    found = busiest.greatest(pages, busiest.HOSTS)
    assert len(found) == 21
    assert found["29.example"] == {"success": 30.0, "failed": 2.0}
    assert found["other"] == {"success": float(sum(range(10))), "failed": 1.0}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Tallies:
    """This process's tallies and its busiest hosts and queues, all empty."""
    fresh = Tallies()
    monkeypatch.setattr(counters, "own", fresh)
    monkeypatch.setattr(busiest, "hosts", Busiest(busiest.HOSTS, monotonic=clock))
    monkeypatch.setattr(busiest, "queues", Busiest(busiest.QUEUES, monotonic=clock))
    return fresh


def samples(name: str) -> dict[tuple[str, ...], float]:
    text = exposition.exposition(now=NOON, stored=None).decode()
    families = text_string_to_metric_families(text)
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def minute_passes(own: Tallies, clock: Clock) -> None:
    clock.seconds += 60
    for each in (busiest.hosts, busiest.queues):
        each.publish(own)
    CounterPage(own, name="worker").write(now=NOON)


@pytest.mark.django_db
def test_what_workers_attempt_is_shown_by_host_and_by_queue(own: Tallies, clock: Clock):
    user = make_user()
    queue = Queue.objects.create(user=user, name="mail", inserted_at=NOON, refilled_at=NOON)
    make_job(user=user, url="https://a.example:8443/path?q=1")
    run_due(OK)
    make_job(user=user, url="https://b.example/", max_attempts=1)
    run_due(REFUSED)
    busiest.queues.note([(user.id, str(queue.id), True), (user.id, "4711", False)])
    minute_passes(own, clock)
    of_hosts = samples("booper_host_attempts_per_second")
    assert of_hosts["a.example:8443", "success"] == 1 / 60
    assert of_hosts["b.example", "failed"] == 1 / 60
    of_queues = samples("booper_queue_attempts_per_second")
    assert of_queues["success", "mail", str(queue.id)] == 1 / 60
    assert of_queues["failed", "deleted", "4711"] == 1 / 60
    assert of_queues["success", "other", ""] == 0


@pytest.mark.django_db
def test_a_queue_with_a_hostile_name_breaks_no_line(own: Tallies, clock: Clock):
    name = 'x"} 1\nbooper_up{y="'
    queue = Queue.objects.create(user=make_user(), name=name, inserted_at=NOON, refilled_at=NOON)
    busiest.queues.note([(uuid4(), str(queue.id), True)])
    minute_passes(own, clock)
    assert samples("booper_queue_attempts_per_second")["success", name, str(queue.id)] == 1 / 60
    assert samples("booper_up") == {}


@pytest.mark.django_db
def test_one_query_names_all_queues(own: Tallies, clock: Clock):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            exposition.exposition(now=NOON, stored=exposition.Stored({}, 0))
        return len(queries)

    nothing = cost()
    user: Any = make_user()
    for number in range(300):
        busiest.queues.note([(user.id, str(number), True)])
        busiest.hosts.note([(user.id, f"{number}.example", True)])
    minute_passes(own, clock)
    assert cost() == nothing + 1
