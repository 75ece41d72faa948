"""What is wrong with a live system is found and named, and what is safe to repair is repaired."""

import json
from contextlib import suppress
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import Settings

from booper.sending import proxy_check
from config.celery import app
from jobs.beat import Scheduler
from jobs.models import Delivery, Job, ProcessRole, Schedule
from jobs.recurring import firing, repair
from jobs.recurring import schedules as recurring_schedules
from jobs.recurring import upcoming as recurring_upcoming
from jobs.running import transitions
from jobs.waking import announcements
from tests import oidc_provider
from tests.conftest import StoppedClock
from tests.egress_proxy import EgressProxy
from tests.factories import NOON, make_job, make_schedule
from tests.jobs.operating.looks import HOUR, MINUTE, SECOND, found, levels, troubles
from tests.runs import OK, run_due, start_due, take_lease

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sound_settings(settings: Settings) -> None:
    settings.DEBUG = False
    settings.SECRET_KEY = "a-random-text-of-more-than-thirty-two-characters"
    settings.ALLOWED_HOSTS = ["localhost"]


def processes(now: datetime = NOON) -> None:
    take_lease(now=now, name="worker@one")
    take_lease(ProcessRole.BEAT, now=now, name="beat@one")


def repaired(check: str, *, now: datetime = NOON) -> tuple[str, int | None]:
    [finding] = [finding for finding in found(now=now, fix=True) if finding.check == check]
    return finding.level.value, finding.fixed


def test_nothing_is_wrong_with_a_system_that_is_well():
    processes()
    schedule = make_schedule(first=NOON)
    recurring_schedules.disable(make_schedule(first=NOON + HOUR), now=NOON)
    make_job(webhook_url="https://example.com/webhook", callback_url="https://example.com/callback")
    run_due(OK)
    assert troubles() == {}
    assert schedule.disabled_at is None


def test_a_system_without_workers_and_beat_says_so():
    assert troubles().keys() == {"workers", "beat"}
    take_lease(now=NOON - HOUR)
    assert "3600 s ago" in troubles()["workers"]


def test_a_broker_that_does_not_answer_is_named_last():
    def refuse() -> None:
        raise ConnectionRefusedError("nobody listens there")

    processes()
    assert "nobody listens there" in troubles(ask_broker=refuse)["broker"]
    assert found(ask_broker=refuse)[-1].check == "broker"


def test_the_provider_that_people_sign_in_by_is_asked_where_there_is_one(settings: Settings):
    assert "sign-in provider" not in {finding.check for finding in found()}
    assert levels("sign-in provider", ask_provider=lambda: None) == ["ok"]
    assert levels("sign-in provider", ask_provider=lambda: "it is down") == ["error"]
    with oidc_provider.serving() as provider:
        settings.BOOPER_OIDC = provider.client()
        assert "it answers, and shows its keys" in doctors_words()
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
    settings.BOOPER_OIDC = provider.client(name="another")
    assert "127.0.0.1 can't be asked" in doctors_words()


def doctors_words() -> str:
    out = StringIO()
    with suppress(SystemExit):
        call_command("doctor", stdout=out)
    return out.getvalue()


def test_the_proxy_that_requests_leave_by_is_asked_where_there_is_one():
    assert "egress proxy" not in {finding.check for finding in found()}
    assert levels("egress proxy", ask_proxy=lambda: None) == ["ok"]
    assert levels("egress proxy", ask_proxy=lambda: "it is down") == ["error"]
    with EgressProxy(user="booper", password="the right one") as proxy:
        sound = proxy.as_proxy("http", user="booper", password="the right one")
        wrong = proxy.as_proxy("http", user="booper", password="hunter2-hunter2")
        proxy.status = lambda place: 403
        assert proxy_check.problem(sound) is None
        said = troubles(ask_proxy=lambda: proxy_check.problem(wrong))["egress proxy"]
    assert "407" in said
    assert "hunter2" not in said
    assert "Connection refused" in str(proxy_check.problem(sound)) or "connect" in str(proxy_check.problem(sound))


def lose_upcoming(schedule: Schedule) -> None:
    Job.objects.filter(schedule=schedule, is_upcoming=True).delete()


def next_run_of(schedule: Schedule) -> datetime:
    return Job.objects.get(schedule=schedule, is_upcoming=True).scheduled_at


def test_an_enabled_schedule_without_an_upcoming_run_is_found_and_gets_it_back():
    processes()
    schedule = make_schedule()
    lose_upcoming(schedule)
    assert str(schedule.id) in troubles()["upcoming runs"]
    assert repaired("upcoming runs") == ("ok", 1)
    assert next_run_of(schedule) == NOON + MINUTE


def test_a_run_that_was_lost_and_missed_is_made_up_for():
    schedule = make_schedule(first=NOON + HOUR, frequency={"repeat_every": [1, "hours"]})
    lose_upcoming(schedule)
    later = NOON + 90 * MINUTE
    repair.restore_upcoming(limit=100, now=later)
    assert next_run_of(schedule) == NOON + HOUR
    firing.fire_due(limit=10, now=later)
    assert Job.objects.filter(schedule=schedule, is_upcoming=False, occurrence_at=NOON + HOUR).exists()
    assert next_run_of(schedule) == NOON + 2 * HOUR


def test_a_run_that_was_skipped_by_its_owner_does_not_come_back():
    schedule = make_schedule(first=NOON + HOUR, frequency={"repeat_every": [1, "hours"]})
    upcoming = Job.objects.get(schedule=schedule)
    recurring_upcoming.cancel_upcoming(upcoming, ends_schedule=False, now=NOON)
    lose_upcoming(schedule)
    repair.restore_upcoming(limit=100, now=NOON)
    assert next_run_of(schedule) == NOON + 2 * HOUR


def test_a_schedule_that_had_its_last_run_is_ended_instead():
    schedule = make_schedule(max_runs=2)
    lose_upcoming(schedule)
    Schedule.objects.filter(id=schedule.id).update(run_count=2)
    assert repair.restore_upcoming(limit=100, now=NOON).restored == 1
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled


def test_one_whose_key_another_job_holds_is_left_for_later():
    schedule = make_schedule(spec={"idempotency_key": "k"})
    lose_upcoming(schedule)
    holder = make_job(idempotency_key="k", scheduled_at=NOON + HOUR)
    assert repair.restore_upcoming(limit=100, now=NOON).restored == 0
    transitions.cancel(holder, now=NOON)
    assert repair.restore_upcoming(limit=100, now=NOON).restored == 1


def test_the_sweep_goes_on_where_it_was_and_costs_two_queries_where_nothing_is_wrong():
    schedules = [make_schedule() for _ in range(5)]
    for schedule in schedules[2:]:
        lose_upcoming(schedule)
    steps, after = [], None
    while True:
        swept = repair.restore_upcoming(after=after, limit=2, now=NOON)
        steps.append(swept.restored)
        after = swept.last
        if after is None:
            break
    assert steps == [0, 2, 1]
    with CaptureQueriesContext(connection) as queries:
        assert repair.restore_upcoming(limit=100, now=NOON) == repair.Swept(0, None)
    assert len(queries) == 2


@pytest.mark.django_db(transaction=True)
def test_beat_sweeps_by_itself_and_not_at_every_tick(stopped_clock: StoppedClock):
    schedule = make_schedule(now=stopped_clock.moment, first=stopped_clock.moment + HOUR)
    lose_upcoming(schedule)
    beat = Scheduler(app=app, lazy=True)
    assert beat._sweep() > 0
    assert next_run_of(schedule) == stopped_clock.moment + HOUR
    with CaptureQueriesContext(connection) as queries:
        beat._sweep()
    assert len(queries) == 0


def test_a_run_that_beat_did_not_fire_is_found():
    processes(NOON + HOUR)
    make_schedule(first=NOON + MINUTE)
    assert "1 runs of schedules" in troubles(now=NOON + HOUR)["fired runs"]
    assert levels("fired runs", now=NOON + HOUR) == ["error"]


def test_a_missing_entry_is_written_anew_and_the_schedule_goes_on():
    processes()
    schedule = make_schedule()
    Schedule.objects.filter(id=schedule.id).update(periodic_task=None)
    PeriodicTask.objects.all().delete()
    assert str(schedule.id) in troubles()["beat entries"]
    assert repaired("beat entries") == ("ok", 1)
    schedule.refresh_from_db()
    assert schedule.disabled_at is None
    assert schedule.periodic_task is not None
    assert json.loads(schedule.periodic_task.args) == [str(schedule.id)]


def test_an_edit_that_beat_did_not_take_over_is_taken_over():
    processes()
    schedule = make_schedule()
    IntervalSchedule.objects.filter(periodictask__booper_schedule=schedule).update(every=5)
    assert levels("beat entries") == ["warning"]
    assert repaired("beat entries") == ("ok", 1)
    schedule.refresh_from_db()
    assert schedule.frequency == {"repeat_every": [5, "minutes"]}


def test_an_entry_without_a_schedule_is_deleted():
    processes()
    interval = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="orphan", task="booper.fire_schedule", interval=interval)
    other = PeriodicTask.objects.create(name="of somebody else", task="cleanup", interval=interval)
    assert levels("beat entries") == ["warning"]
    assert repaired("beat entries") == ("ok", 1)
    assert list(PeriodicTask.objects.all()) == [other]


def test_an_entry_that_lost_its_schedule_makes_room_for_the_new_one_of_that_name():
    processes()
    schedule = make_schedule()
    Schedule.objects.filter(id=schedule.id).update(periodic_task=None)
    assert levels("beat entries") == ["error", "warning"]
    assert repaired("beat entries") == ("ok", 2)
    schedule.refresh_from_db()
    assert list(PeriodicTask.objects.filter(task="booper.fire_schedule")) == [schedule.periodic_task]


def test_what_executes_under_no_live_lease_is_found_and_taken_up():
    processes(NOON + 5 * MINUTE)
    job = make_job(callback_url="https://example.com/callback")
    start_due(uuid4())
    assert troubles(now=NOON + 30 * SECOND).keys().isdisjoint({"leases of jobs"})
    assert str(job.id) in troubles(now=NOON + 5 * MINUTE)["leases of jobs"]
    assert repaired("leases of jobs", now=NOON + 5 * MINUTE) == ("ok", 1)
    job.refresh_from_db()
    assert job.state == "retryable"


def test_what_is_sent_under_no_live_lease_is_found_and_sent_again():
    processes(NOON + 5 * MINUTE)
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    Delivery.objects.update(state="sending", worker_id=uuid4(), attempted_at=NOON)
    assert repaired("leases of deliveries", now=NOON + 5 * MINUTE) == ("ok", 1)
    assert Delivery.objects.get().state == "pending"


def test_what_executes_under_a_live_lease_is_nobodys_business():
    now = NOON + 5 * MINUTE
    processes(now)
    make_job()
    start_due(take_lease(now=now, name="worker@one").id)
    assert "leases of jobs" not in troubles(now=now)


@pytest.mark.parametrize(("late", "level"), [(59, "ok"), (70, "warning"), (301, "error")])
def test_what_is_due_for_long_is_a_warning_and_then_an_error(late: int, level: str):
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    make_job()
    now = NOON + late * SECOND
    assert levels("jobs due", now=now) == [level]
    assert levels("deliveries due", now=now) == [level]


@pytest.mark.parametrize("sequence", [2, 4], ids=["a hole", "the last one is missing"])
def test_webhooks_that_are_not_numbered_without_holes_are_found(sequence: int):
    processes()
    job = make_job(webhook_url="https://example.com/webhook")
    run_due(OK)
    assert "sequences" not in troubles()
    Delivery.objects.filter(sequence=sequence).delete()
    assert str(job.id) in troubles()["sequences"]


def test_webhooks_that_were_pruned_from_the_first_on_are_no_hole():
    processes()
    make_job(webhook_url="https://example.com/webhook")
    run_due(OK)
    Delivery.objects.filter(sequence__lte=2).delete()
    assert "sequences" not in troubles()


@pytest.fixture
def _broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "ask_broker", lambda: None)


def run_command(*arguments: str) -> tuple[int, str]:
    output = StringIO()
    try:
        call_command("doctor", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


@pytest.mark.usefixtures("_broker")
def test_the_command_ends_with_nought_where_all_is_well(stopped_clock: StoppedClock):
    processes(stopped_clock.moment)
    status, text = run_command()
    assert status == 0
    assert "ok      workers: at least one is running" in text


@pytest.mark.usefixtures("_broker", "stopped_clock")
def test_the_command_ends_with_one_where_something_is_wrong_and_says_what_to_do():
    status, text = run_command()
    assert status == 1
    assert "error   beat: no beat is running, so no schedule runs" in text
    assert "-> start one: celery -A config beat" in text


@pytest.mark.usefixtures("_broker")
def test_programs_read_the_same_as_json(stopped_clock: StoppedClock):
    processes(stopped_clock.moment)
    schedule = make_schedule(first=NOON + HOUR)
    lose_upcoming(schedule)
    status, text = run_command("--json")
    read = json.loads(text)
    assert (status, read["ok"]) == (1, False)
    [wrong] = [finding for finding in read["findings"] if finding["level"] != "ok"]
    assert (wrong["check"], wrong["fixed"]) == ("upcoming runs", None)
    status, text = run_command("--json", "--fix")
    assert (status, json.loads(text)["ok"]) == (0, True)
    assert {finding["check"]: finding["fixed"] for finding in json.loads(text)["findings"]}["upcoming runs"] == 1


def test_a_look_that_fails_is_told_and_the_others_are_made(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> Any:
        raise DatabaseError("out of memory")

    processes()
    monkeypatch.setattr(repair, "without_upcoming", fail)
    assert troubles() == {"upcoming runs": "could not be looked at: out of memory"}


def test_a_repair_that_fails_is_told_and_the_others_are_made(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> Any:
        raise DatabaseError("out of memory")

    processes()
    lose_upcoming(make_schedule())
    PeriodicTask.objects.filter(task="booper.fire_schedule").delete()
    monkeypatch.setattr(repair, "restore_upcoming", fail)
    left = {finding.check: finding for finding in found(fix=True) if finding.level != "ok"}
    assert list(left) == ["upcoming runs"]
    assert "1 enabled schedules" in left["upcoming runs"].message
    assert "could not be repaired: out of memory" in left["upcoming runs"].message


def test_what_is_found_is_named_by_its_first_few_ids():
    processes()
    schedules = [make_schedule() for _ in range(7)]
    for schedule in schedules:
        lose_upcoming(schedule)
    message = troubles()["upcoming runs"]
    assert message.startswith("7 enabled schedules")
    assert message.endswith(", …")
