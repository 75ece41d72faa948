"""Beat announces what comes due soon, once each, at any rate, and leaves the rest to the database."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.waking import announcements
from jobs.waking.announcer import Lane
from tests.factories import NOON, make_job

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HORIZON = timedelta(seconds=15)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The jobs' instants that were handed to the broker's thread."""
    instants: list[datetime] = []

    def hear(lane: Lane, announced: Iterable[datetime], *, now: datetime) -> None:
        instants.extend(announced if lane == Lane.JOBS else ())

    monkeypatch.setattr(announcements.announcer, "announce", hear)
    return instants


def due_in(*seconds: float) -> None:
    for after in seconds:
        make_job(scheduled_at=NOON + after * SECOND)


def test_what_comes_due_within_the_horizon_is_announced_and_nothing_later(heard: list[datetime]):
    due_in(1, 15, 16)
    assert announcements.promote({}, now=NOON) == {Lane.JOBS: NOON + HORIZON, Lane.DELIVERIES: NOON + HORIZON}
    assert heard == [NOON + SECOND, NOON + HORIZON]


def test_what_was_announced_is_not_announced_again(heard: list[datetime]):
    due_in(14, 16, 21)
    reached = announcements.promote({}, now=NOON)
    announcements.promote(reached, now=NOON + 5 * SECOND)
    assert heard == [NOON + 14 * SECOND, NOON + 16 * SECOND]


def test_what_is_too_much_for_once_goes_on_from_where_it_stopped(
    heard: list[datetime], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(announcements, "_MOST_INSTANTS", 2)
    due_in(1, 2, 2, 2, 3, 4)
    reached = announcements.promote({}, now=NOON)
    assert reached[Lane.JOBS] == NOON + 2 * SECOND
    reached = announcements.promote(reached, now=NOON)
    assert reached[Lane.JOBS] == NOON + 4 * SECOND
    assert announcements.promote(reached, now=NOON)[Lane.JOBS] == NOON + HORIZON
    assert heard == [NOON + second * SECOND for second in (1, 2, 3, 4)]


def test_a_beat_that_stood_still_goes_on_from_now(heard: list[datetime]):
    due_in(20, 70)
    reached = announcements.promote({}, now=NOON)
    announcements.promote(reached, now=NOON + 60 * SECOND)
    assert heard == [NOON + 70 * SECOND]


def test_after_the_clock_was_set_back_the_horizon_is_announced_anew(heard: list[datetime]):
    due_in(1)
    reached = announcements.promote({}, now=NOON + timedelta(hours=1))
    assert announcements.promote(reached, now=NOON)[Lane.JOBS] == NOON + HORIZON
    assert heard == [NOON + SECOND]


def test_it_costs_three_queries_however_many_come_due(heard: list[datetime]):
    due_in(*range(1, 12))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        announcements.promote({}, now=NOON)
    assert len(queries) == 3
    assert len(heard) == 11
