"""What schedules remember from run to run costs one statement, and none where it is what it was."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Schedule
from jobs.running import schedule_memory
from jobs.running.schedule_memory import RunAnswer
from tests.factories import NOON, make_schedule

pytestmark = pytest.mark.django_db


def statements(answers: dict[Any, Any]) -> int:
    """How many it takes to remember these answers, by their schedules' ids."""
    schedules = {schedule.id: schedule for schedule in Schedule.objects.filter(id__in=answers)}
    runs = [RunAnswer(schedule_id=each, attempted_at=NOON, body=body, is_json=True) for each, body in answers.items()]
    with CaptureQueriesContext(connection) as queries:
        assert schedule_memory.remember(runs, schedules) == [None] * len(answers)
    return len(queries)


def test_thirty_answers_are_remembered_in_one_statement_each_by_its_own_schedule():
    ids = [make_schedule().id for _ in range(30)]
    assert statements({each: {"n": n, "$set": {"seen": str(n)}} for n, each in enumerate(ids)}) == 1
    for n, each in enumerate(ids):
        schedule = Schedule.objects.get(id=each)
        assert (schedule.previous, schedule.state) == ({"n": n, "$set": {"seen": str(n)}}, {"seen": str(n)})


def test_what_is_answered_once_more_costs_no_statement_and_what_only_looks_alike_does():
    schedule = make_schedule()
    assert [statements({schedule.id: body}) for body in ({"ok": 1}, {"ok": 1}, {"ok": True}, None)] == [1, 0, 1, 1]
    assert Schedule.objects.get(id=schedule.id).previous is None


def test_whatever_is_answered_stays_as_it_was():
    odd: list[Any] = ["", "a\x00b", "ü€😀\u2028", 0, -0.0, [1e300, {"": None}], {"$set": {"\\u0000": "'\"%s"}}]
    schedule = make_schedule()
    for body in odd:
        statements({schedule.id: body})
        assert repr(Schedule.objects.get(id=schedule.id).previous) == repr(body)


def test_what_is_set_once_more_after_it_was_taken_away_is_written_though_the_answer_is_the_same():
    schedule = make_schedule()
    answer = {schedule.id: {"$set": {"seen": 1}}}
    statements(answer)
    Schedule.objects.filter(id=schedule.id).update(state={})
    assert statements(answer) == 1
    assert Schedule.objects.get(id=schedule.id).state == {"seen": 1}
