"""POST /api/jobs/batch with recurring jobs among the others."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.db.models import F, Model
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from jobs.actions import batch as actions_batch
from jobs.models import Job, JobState, Queue, Schedule, User
from jobs.recurring import beat_entries, firing, schedules
from jobs.running import attempts
from jobs.specs import RecurrenceSpec
from tests.api import Api, data_of, problem_of
from tests.factories import NOON, make_job, make_spec
from tests.jobs.api.batches import SECOND, batch, cost, job_of


def counts() -> list[int]:
    models = (Job, Schedule, PeriodicTask, CrontabSchedule, IntervalSchedule)
    return [model._default_manager.count() for model in models]


def test_recurring_jobs_are_made_with_their_schedules(api: Api) -> None:
    data = data_of(
        batch(
            api,
            job_of(0),
            job_of(1, repeat_every=[1, "hour"]),
            job_of(2, cron="0 0 1 1 *", timezone="Europe/London", queue="mail"),
        ),
        status=201,
    )
    assert [row["schedule_id"] is None for row in data] == [True, False, False]
    assert [row["job"]["state"] for row in data] == ["available", "available", "scheduled"]
    # The one that was due is fired, and its successor made.
    assert Job.objects.filter(is_upcoming=True).count() == 2
    assert Job.objects.get(id=data[2]["job_id"]).queue_id == Queue.objects.get().id


def test_of_many_that_are_due_some_are_fired_at_once_and_the_others_by_beat(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "_MOST_FIRED", 2)
    data = data_of(batch(api, *(job_of(number, repeat_every=60) for number in range(5))), status=201)
    assert [row["job"]["state"] for row in data] == ["available"] * 5
    assert Job.objects.filter(is_upcoming=False).count() == 2
    assert firing.fire_due(limit=10, now=NOON) == 3
    assert {row["job_id"] for row in data} == set(Job.objects.filter(is_upcoming=False).values_list("id", flat=True))
    assert {schedule.run_count for schedule in Schedule.objects.all()} == {1}


def test_of_many_those_that_are_due_are_fired_wherever_they_stand(api: Api) -> None:
    later = [job_of(number, repeat_every=60, schedule_in=3600) for number in range(25)]
    data_of(batch(api, *later, *(job_of(number, repeat_every=60) for number in range(25, 28))), status=201)
    assert Job.objects.filter(is_upcoming=False).count() == 3


def test_many_recurring_jobs_with_a_backoff_of_their_own_are_made_and_fired(api: Api) -> None:
    jobs = [job_of(number, repeat_every=60, backoff=[5, [1, "minute"]]) for number in range(40)]
    data_of(batch(api, *jobs), status=201)
    assert firing.fire_due(limit=40, now=NOON) == 20
    assert firing.fire_due(limit=40, now=NOON + 60 * SECOND) == 40
    assert {tuple(job.backoff_seconds or ()) for job in Job.objects.all()} == {(5.0, 60.0)}


def test_a_recurring_job_whose_calendar_leaves_its_first_day_out_has_a_later_first_run(api: Api) -> None:
    data_of(api.call("PUT", "/api/calendars/holidays", {"dates": ["2026-03-02"]}), status=201)
    plain, careful = (job_of(number, cron="0 9 * * *") for number in range(2))
    data = data_of(batch(api, plain, careful | {"skip_on": ["holidays"]}), status=201)
    assert [row["job"]["scheduled_at"] for row in data] == ["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"]


def test_a_calendar_that_is_edited_meanwhile_counts_as_it_is_when_the_job_is_written(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*days: str) -> None:
        assert api.call("PUT", "/api/calendars/holidays", {"dates": days}).status_code in (200, 201)

    def edit_it_afterwards(*arguments: Any, **named: Any) -> Any:
        made = made_before(*arguments, **named)
        put("2026-03-02", "2026-03-03")
        return made

    put("2026-03-02")
    made_before = actions_batch._made_before
    monkeypatch.setattr(actions_batch, "_made_before", edit_it_afterwards)
    [row] = data_of(batch(api, job_of(0, cron="0 9 * * *", skip_on=["holidays"])), status=201)
    assert row["job"]["scheduled_at"] == "2026-03-04T09:00:00Z"


def test_a_recurring_job_is_kept_as_if_it_were_alone(api: Api) -> None:
    asked = job_of(
        1,
        headers={"X-Tenant": 7},
        name="greeting",
        description="a first try",
        idempotency_key="k1",
        queue="mail",
        timeout=2.5,
        backoff=[5, [1, "minute"]],
        cron="0 9 * * MON-FRI",
        timezone="Europe/London",
        starts_at="2026-04-01",
        ends_at="2027-04-01",
        max_runs=7,
        overlap="skip",
        catch_up="skip",
        include_metadata=False,
    )
    data_of(batch(api, asked), status=201)
    Job.objects.update(idempotency_key="k0")
    data_of(api.post("/api/jobs", asked), status=201)
    differences: dict[type[Model], set[str]] = {
        Job: {"id", "uuid", "schedule_id", "idempotency_key"},
        Schedule: {"id", "periodic_task_id"},
        PeriodicTask: {"id", "name", "args", "crontab_id", "date_changed"},
        CrontabSchedule: {"id"},
    }
    for model, different in differences.items():
        names = [field.attname for field in model._meta.concrete_fields if field.attname not in different]
        one, two = model._default_manager.order_by("id").values(*names)
        assert one == two


def test_a_thousand_recurring_jobs_are_taken_in_one_batch(api: Api) -> None:
    jobs = [job_of(n, cron=f"{n % 60} {n // 60} * * *") for n in range(1000)]
    data = data_of(batch(api, *jobs), status=201)
    assert [row["args"] for row in data] == jobs
    assert [row["job_id"] for row in data] == sorted(row["job_id"] for row in data)
    assert {str(schedule_id) for schedule_id in Schedule.objects.values_list("id", flat=True)} == {
        row["schedule_id"] for row in data
    }
    assert Job.objects.filter(is_upcoming=True, schedule__args=F("args")).count() == 1000


def test_recurring_jobs_cost_the_same_queries_for_two_as_for_two_hundred(api: Api) -> None:
    def jobs(first: int, *, count: int) -> list[Any]:
        common = [{"idempotency_key": f"k{n}", "queue": f"q{n % 2}"} for n in range(first, first + 2 * count)]
        due = [job_of(n, repeat_every=[1 + n % 5, "hours"], **fields) for n, fields in enumerate(common[:count])]
        return due + [job_of(n, cron=f"{n % 60} 0 1 1 *", **fields) for n, fields in enumerate(common[count:])]

    batch(api, *jobs(0, count=1))
    few = cost(api, *jobs(10, count=1), *jobs(0, count=1), job_of(0))
    many = cost(api, *jobs(20, count=100), *jobs(10, count=1), job_of(0))
    # PostgreSQL is given many rows by COPY.
    assert few == [verb.replace("COPY", "INSERT") for verb in many]
    assert Schedule.objects.count() == 2 + 2 + 200
    # The run, the frequency, the entry and the schedule.
    assert cost(api, job_of(0, cron="0 0 1 1 *")) == ["INSERT"] * 4


def test_ids_rise_with_the_order_of_the_batch_whatever_recurs(api: Api) -> None:
    kinds: list[dict[str, Any]] = [{"repeat_every": 60}, {}, {"cron": "0 0 1 1 *"}, {"schedule_in": 5}]
    data = data_of(batch(api, *(job_of(n, **kinds[n % 4]) for n in range(40))), status=201)
    assert [row["job_id"] for row in data] == sorted(row["job_id"] for row in data)
    assert [row["schedule_id"] is None for row in data] == [False, True] * 20


def test_those_that_are_due_run_at_once_and_the_others_wait_for_beat(api: Api) -> None:
    due = [job_of(n, repeat_every=60) for n in range(3)]
    once = job_of(3, repeat_every=60, max_runs=1)
    later = [job_of(n, cron="0 0 1 1 *") for n in range(4, 6)]
    data = data_of(batch(api, *due, once, *later), status=201)
    assert [row["job"]["state"] for row in data] == ["available"] * 4 + ["scheduled"] * 2
    claimed = attempts.claim(UUID(int=1), limit=10, now=NOON)
    assert [job.id for job in claimed] == [row["job_id"] for row in data[:4]]
    coming = Job.objects.filter(is_upcoming=True).order_by("scheduled_at")
    assert [job.scheduled_at - NOON for job in coming[:3]] == [60 * SECOND] * 3
    assert coming.count() == 5
    assert list(Schedule.objects.order_by("id").values_list("run_count", "disabled_at")) == [
        (1, None),
        (1, None),
        (1, None),
        (1, NOON),
        (0, None),
        (0, None),
    ]


def test_each_recurring_job_of_a_batch_has_its_own_entry_in_django_celery_beat(api: Api) -> None:
    frequencies: list[dict[str, Any]] = [
        {"cron": "0 9 * * MON-FRI", "timezone": "Europe/London"},
        {"repeat_every": [2, "hours"]},
        {"cron": "0 9 * * MON-FRI", "timezone": "Europe/London"},
        {"repeat_every": [2, "hours"], "starts_at": "2026-04-01"},
        {"cron": "0 9 * * 1-5"},
    ]
    data = data_of(batch(api, *(job_of(n, name=f"n{n}", **fields) for n, fields in enumerate(frequencies))), status=201)
    entries = [PeriodicTask.objects.get(booper_schedule=row["schedule_id"]) for row in data]
    assert [entry.name for entry in entries] == [f"n{n} ({row['schedule_id']})" for n, row in enumerate(data)]
    assert [entry.args for entry in entries] == [json.dumps([row["schedule_id"]]) for row in data]
    assert [str(entry.scheduler) for entry in entries] == [
        "0 9 * * 1-5 (m/h/dM/MY/d) Europe/London",
        "every 2 hours",
        "0 9 * * 1-5 (m/h/dM/MY/d) Europe/London",
        "every 2 hours",
        "0 9 * * 1-5 (m/h/dM/MY/d) UTC",
    ]
    assert len({(entry.crontab_id, entry.interval_id) for entry in entries}) == 5
    assert all(entry.enabled for entry in entries)
    # Each says what its schedule does: nobody takes it for an edit.
    assert beat_entries.edited(limit=10) == []


def test_a_recurring_job_whose_key_is_held_leaves_nothing_behind(api: Api) -> None:
    cron = {"cron": "0 0 1 1 *"}
    held = data_of(
        batch(
            api,
            job_of(0, idempotency_key="a", schedule_in=60),
            job_of(1, idempotency_key="b", **cron),
            job_of(2, idempotency_key="c", repeat_every=60),
        ),
        status=201,
    )
    before = counts()
    data = data_of(
        batch(
            api,
            job_of(3, idempotency_key="a", **cron),
            job_of(4, idempotency_key="b", repeat_every=60),
            job_of(5, idempotency_key="c", **cron),
            job_of(6, idempotency_key="b"),
        ),
        status=201,
    )
    assert [row["job"]["has_conflict"] for row in data] == [True] * 4
    assert [row["schedule_id"] for row in data] == [row["schedule_id"] for row in held] + [held[1]["schedule_id"]]
    # The first run of the third is on its way: the one after it holds the key.
    assert [row["id"] == other["id"] for row, other in zip(data, held, strict=False)] == [True, True, False]
    assert counts() == before


def test_a_key_whose_schedule_has_ended_is_free_again(api: Api) -> None:
    jobs = [job_of(n, idempotency_key=f"k{n}", cron="0 0 1 1 *") for n in range(2)]
    first = data_of(batch(api, *jobs), status=201)
    data_of(api.post(f"/api/schedules/{first[0]['schedule_id']}/disable"))
    again = data_of(batch(api, *jobs), status=201)
    assert [row["job"]["has_conflict"] for row in again] == [False, True]
    assert Schedule.objects.count() == 3


def test_a_recurring_job_takes_the_key_that_comes_free_between_the_two_looks(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make_job(user=user, idempotency_key="k")
    look = actions_batch._holders

    def started_meanwhile(*args: Any, **kwargs: Any) -> Any:
        Job.objects.filter(id=holder.id).update(state=JobState.COMPLETED)
        return look(*args, **kwargs)

    monkeypatch.setattr(actions_batch, "_holders", started_meanwhile)
    plan = RecurrenceSpec(frequency={"cron": "0 0 1 1 *"}, timezone="UTC", first_run_at=NOON + 60 * SECOND)
    [taken] = actions_batch.take([(make_spec(idempotency_key="k"), plan)], user_id=user.id, now=NOON)
    assert taken.is_new
    assert Schedule.objects.get().id == taken.job.schedule_id
    assert PeriodicTask.objects.count() == 1


@pytest.mark.parametrize(("module", "name"), [(beat_entries, "insert_new"), (firing, "fire"), (schedules, "begin")])
def test_all_are_taken_or_none(api: Api, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    whole = getattr(module, name)

    def fail(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        raise IntegrityError("broken")

    monkeypatch.setattr(module, name, fail)
    before = counts()
    problem_of(batch(api, job_of(0), job_of(1, cron="0 0 1 1 *"), job_of(2, repeat_every=60)), status=503)
    assert counts() == before


def test_a_refused_recurring_job_leaves_nothing_behind(api: Api) -> None:
    jobs = [job_of(0, cron="0 0 31 2 *"), job_of(1, cron="0 0 1 1 *"), job_of(2, repeat_every=[0, "days"])]
    data = data_of(batch(api, *jobs), status=207)
    assert ["job_id" in row for row in data] == [False, True, False]
    assert counts() == [1] * 4 + [0]
