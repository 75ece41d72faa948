"""Each run of a schedule is a trace of its own, whose root says how the run came to be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.models import Job
from jobs.recurring import backfills, firing, schedules, upcoming
from tests.conftest import Announced
from tests.factories import NOON, make_schedule
from tests.runs import OK, run_due
from tests.spans import Recorder

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_each_run_of_a_schedule_is_below_a_root_of_its_own(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    schedule = make_schedule(first=NOON + MINUTE)
    for now in (NOON + MINUTE, NOON + 2 * MINUTE):
        with django_capture_on_commit_callbacks(execute=True):
            firing.fire_due(limit=10, now=now)
        run_due(OK, now=now)
    found = recorder.take()
    roots = [span for span in found if span.name == "fire"]
    attempts = [span for span in found if span.kind == "client"]
    assert len(roots) == 2
    assert len({span.trace_id for span in roots}) == len(roots)
    assert {(span.trace_id, span.parent_id) for span in attempts} == {(span.trace_id, span.span_id) for span in roots}
    assert {span.attributes["booper.schedule.id"] for span in found} == {str(schedule.id)}


def test_a_run_that_was_asked_for_has_a_root_too(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    schedule = make_schedule(first=NOON + MINUTE)
    with django_capture_on_commit_callbacks(execute=True):
        triggered = schedules.trigger(schedule, now=NOON)
        [made_good] = backfills.make(schedule, [NOON - MINUTE], now=NOON)
        run = upcoming.run_upcoming(Job.objects.get(is_upcoming=True), now=NOON)
    assert run is not None
    run_due(OK)
    found = recorder.take()
    roots = {span.attributes["booper.job.id"]: span for span in found if span.kind == "producer"}
    attempts = {span.attributes["booper.job.id"]: span for span in found if span.kind == "client"}
    names = {triggered.id: "trigger", made_good.id: "backfill", run.id: "fire"}
    assert {job_id: span.name for job_id, span in roots.items()} == names
    assert attempts.keys() == roots.keys()
    for job_id, root in roots.items():
        assert (attempts[job_id].trace_id, attempts[job_id].parent_id) == (root.trace_id, root.span_id)


def test_a_run_that_is_undone_has_no_root(recorder: Recorder, announced: Announced) -> None:
    schedule = make_schedule(first=NOON + MINUTE)
    with transaction.atomic():
        schedules.trigger(schedule, now=NOON)
        transaction.set_rollback(True)
    assert recorder.take() == []


def test_it_costs_no_query_however_many_are_fired_together(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    def cost(count: int, *, now: datetime) -> int:
        with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
            assert firing.fire_due(limit=100, now=now) == count
        return len(queries)

    make_schedule(first=NOON + MINUTE)
    one = cost(1, now=NOON + MINUTE)
    for _ in range(9):
        make_schedule(first=NOON + 2 * MINUTE)
    assert cost(10, now=NOON + 2 * MINUTE) == one
