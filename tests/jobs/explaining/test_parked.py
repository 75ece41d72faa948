"""An owner is told which of their hosts are parked, and by whom no longer."""

from datetime import timedelta

import pytest

from jobs.explaining import history, parked, reasons
from jobs.models import ProcessRole
from jobs.telemetry import counters
from jobs.telemetry.counter_rows import CounterPage
from jobs.telemetry.counters import Tallies
from tests.factories import NOON, make_job, make_user
from tests.runs import take_lease

pytestmark = pytest.mark.django_db

HOST = "https://down.example/"


def told(*, seconds_ago: float, hosts: dict[str, float]) -> None:
    tallies = Tallies()
    tallies.set_gauges(counters.PARKED, hosts)
    CounterPage(tallies, name="worker").write(now=NOON - timedelta(seconds=seconds_ago))


def test_a_tenants_hosts_are_told_since_the_first_worker_parked_them():
    ada, bob = make_user(), make_user("bob@example.com")
    for ago in (60, 20):
        hosts = {f"{ada.id.hex}|{HOST}": NOON.timestamp() - ago, f"{bob.id.hex}|https://b.example/": 0.0}
        told(seconds_ago=1, hosts=hosts)
    assert parked.of_user(ada.id, now=NOON) == [parked.Parked(HOST, NOON - timedelta(seconds=60))]


def test_what_a_worker_said_that_is_gone_counts_no_more():
    user = make_user()
    told(seconds_ago=31, hosts={f"{user.id.hex}|{HOST}": NOON.timestamp()})
    assert parked.of_user(user.id, now=NOON) == []


def test_a_waiting_job_says_that_its_target_fails():
    job = make_job(url=HOST + "x", scheduled_at=NOON)
    take_lease(ProcessRole.WORKER, now=NOON)
    told(seconds_ago=1, hosts={f"{job.user_id.hex}|{HOST}": NOON.timestamp()})
    reason = reasons.of(job, history.read(job, [], now=NOON), now=NOON)
    assert (reason.code, HOST in reason.message) == ("target_failing", True)
