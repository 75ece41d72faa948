"""The admin's own pages of schedules, queues and receivers: of every tenant, and what an operator may do there."""

from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.models import AuditEvent, Job, JobState, Queue, Receiver, Schedule, User
from jobs.queues import limits
from jobs.recurring import schedules
from tests.admin import counted, execute, log_in, page, rows, start_worker, told
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job, make_schedule, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EVIL = "pay\u202efdp.exe"


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock, announced: Announced) -> Client:
    log_in(web, "everything")
    return web


def act(admin: Client, noun: str, action: str, *keys: object) -> list[str]:
    chosen = {"action": action, "_selected_action": [str(key) for key in keys]}
    return told(admin.post(f"/admin/jobs/{noun}/", chosen, follow=True))


def make_queue(name: str = "slow", *, owner: str = "ada@example.com", **fields: object) -> Queue:
    return Queue.objects.create(user=make_user(owner), name=name, inserted_at=NOON, refilled_at=NOON, **fields)


def make_receiver(origin: str = "https://off.example", **fields: object) -> Receiver:
    return Receiver.objects.create(user=make_user(), origin=origin, last_failed_at=NOON, **fields)


def test_a_schedule_says_how_often_when_next_and_whose(admin: Client) -> None:
    schedule = make_schedule(first=NOON + HOUR, spec={"name": EVIL})
    html = page(admin, "jobs/schedule/")
    for part in ("pay\\u202efdp.exe", "every minute", "2026-03-01 13:00:00", "ada@example.com", "state-enabled"):
        assert part in html, part
    assert f"?schedule={schedule.id}" in html
    assert "\u202e" not in html
    assert "every minute" in page(admin, f"jobs/schedule/{schedule.id}/change/")


def test_schedules_are_found_and_filtered_and_deleted_ones_are_gone(admin: Client) -> None:
    on, off, gone = (make_schedule(first=NOON + HOUR, spec={"name": name}) for name in ("on", "off", "gone"))
    schedules.disable(off, now=NOON)
    schedules.delete(gone, now=NOON)
    assert rows(admin, "jobs/schedule/") == [off.id, on.id]
    assert rows(admin, "jobs/schedule/?state=enabled") == [on.id]
    assert rows(admin, "jobs/schedule/?state=disabled") == [off.id]
    assert rows(admin, "jobs/schedule/?q=off") == [off.id]
    assert rows(admin, f"jobs/schedule/?q={on.id}") == [on.id]
    assert rows(admin, "jobs/schedule/?q=ada@") == [off.id, on.id]
    assert rows(admin, "jobs/schedule/?owner=nobody@example.com") == []


def test_an_operator_disables_enables_and_runs_schedules(admin: Client, announced: Announced) -> None:
    one, two = make_schedule(first=NOON + HOUR), make_schedule(first=NOON + HOUR)
    schedules.disable(two, now=NOON)
    assert act(admin, "schedule", "disable_selected", one.id, two.id) == ["1 disabled, 1 disabled already."]
    one.refresh_from_db()
    assert one.disabled_reason == "the operator disabled it"
    assert act(admin, "schedule", "enable_selected", one.id, two.id) == ["2 enabled."]
    assert act(admin, "schedule", "run_selected", one.id) == ["1 due now."]
    assert Job.objects.get(schedule=one, is_upcoming=False, state=JobState.SCHEDULED).scheduled_at == NOON
    trail = AuditEvent.objects.exclude(action__startswith="sign_in").order_by("id").values_list("action", "email")
    expected = [*["schedule.disabled"], *["schedule.enabled"] * 2, "schedule.triggered"]
    assert list(trail) == [(action, "ada@example.com") for action in expected]


def test_a_schedule_that_can_not_be_enabled_says_why(admin: Client) -> None:
    schedule = make_schedule(first=NOON, max_runs=1)
    Schedule.objects.filter(id=schedule.id).update(run_count=1, disabled_at=NOON)
    said = act(admin, "schedule", "enable_selected", schedule.id)
    assert "all of its 1 runs are done" in said[0]


def test_a_queue_says_its_limits_what_runs_and_how_long_the_oldest_waits(
    admin: Client, stopped_clock: StoppedClock
) -> None:
    queue = make_queue(concurrency=3, rate_limit=10, rate_seconds=60.0)
    running = execute(make_job(), worker_id=start_worker().id)
    Job.objects.filter(id=running.id).update(queue=queue)
    make_job(queue_id=queue.id)
    make_job(queue_id=queue.id, scheduled_at=NOON + HOUR)
    stopped_clock.advance(seconds=95)
    html = page(admin, "jobs/queue/")
    for part in ("1 of 3", "10 in 1 min", "for 1 min 35 s", "state-open", "ada@example.com", f"?queue={queue.id}"):
        assert part in html, part


def test_an_operator_pauses_and_resumes_queues_whose_limits_stay(admin: Client, announced: Announced) -> None:
    queue, other = make_queue(concurrency=3, rate_limit=10, rate_seconds=60.0), make_queue("other")
    assert act(admin, "queue", "pause_selected", queue.id, other.id) == ["2 paused."]
    assert rows(admin, "jobs/queue/?state=paused") == [other.id, queue.id]
    assert act(admin, "queue", "resume_selected", queue.id) == ["1 resumed."]
    queue.refresh_from_db()
    assert (queue.paused_at, queue.concurrency, queue.rate_limit, queue.rate_seconds) == (None, 3, 10, 60.0)
    assert rows(admin, "jobs/queue/?state=open") == [queue.id]
    assert AuditEvent.objects.filter(action="queue.set", email="ada@example.com").count() == 3


def test_queues_and_receivers_are_found(admin: Client) -> None:
    queue, _ = make_queue("slow"), make_queue("other", owner="grace@example.com")
    receiver = make_receiver("https://down.example", failing_since=NOON)
    for typed in ("ada@", "slow", str(queue.user_id)):
        assert rows(admin, f"jobs/queue/?q={typed}") == [queue.id], typed
    for typed in ("ada@", "down.ex", str(receiver.id)):
        assert rows(admin, f"jobs/receiver/?q={typed}") == [receiver.id], typed


def test_a_receiver_says_what_is_wrong_and_is_switched_on(admin: Client) -> None:
    off = make_receiver(
        failing_since=NOON, disabled_at=NOON, error_code="connect_failed", error_message="Connection refused"
    )
    failing = make_receiver("https://down.example", failing_since=NOON, response_status=500)
    well = make_receiver("https://well.example")
    html = page(admin, "jobs/receiver/")
    for part in ("state-off", "state-failing", "state-well", "connect_failed: Connection refused", "500"):
        assert part in html, part
    assert rows(admin, "jobs/receiver/?state=off") == [off.id]
    assert rows(admin, "jobs/receiver/?state=failing") == [failing.id]
    assert rows(admin, "jobs/receiver/?state=well") == [well.id]
    assert act(admin, "receiver", "switch_on_selected", off.id, failing.id, well.id) == ["2 switched on."]
    assert not Receiver.objects.failing().exists()
    assert AuditEvent.objects.filter(action="receiver.enabled").count() == 2


@pytest.mark.parametrize(
    ("noun", "action"),
    [("schedule", "disable_selected"), ("queue", "pause_selected"), ("receiver", "switch_on_selected")],
)
def test_who_may_only_look_changes_nothing(
    web: Client, stopped_clock: StoppedClock, announced: Announced, noun: str, action: str
) -> None:
    log_in(web, f"view_{noun}")
    schedule, queue = make_schedule(first=NOON + HOUR), make_queue()
    receiver = make_receiver(failing_since=NOON, disabled_at=NOON)
    key = {"schedule": schedule.id, "queue": queue.id, "receiver": receiver.id}[noun]
    assert rows(web, f"jobs/{noun}/") == [key]
    act(web, noun, action, key)
    for row in (schedule, queue, receiver):
        row.refresh_from_db()
    assert (schedule.disabled_at, queue.paused_at, receiver.disabled_at) == (None, None, NOON)


@pytest.mark.parametrize("noun", ["schedule", "queue", "receiver"])
def test_a_list_costs_the_same_queries_however_many_rows_it_shows(admin: Client, noun: str) -> None:
    for count in range(1, 9, 4):
        for number in range(4):
            make_schedule(first=NOON + HOUR, spec={"name": f"{count} {number}"})
            make_job(queue_id=make_queue(f"{count} {number}").id)
            make_receiver(f"https://{count}-{number}.example")
        with CaptureQueriesContext(connection) as queries:
            page(admin, f"jobs/{noun}/")
        assert len(counted(queries)) == 3, counted(queries)


def test_a_limit_that_an_owner_sets_while_an_operator_pauses_stays(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make_queue(concurrency=3)

    def meanwhile(row: Queue, *, now: datetime) -> bool:
        Queue.objects.filter(id=row.id).update(concurrency=9)
        return pause(row, now=now)

    pause = limits.pause
    monkeypatch.setattr(limits, "pause", meanwhile)
    assert act(admin, "queue", "pause_selected", queue.id) == ["1 paused."]
    queue.refresh_from_db()
    assert (queue.paused_at, queue.concurrency) == (NOON, 9)


def test_what_was_not_written_down_was_not_done(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, receiver = make_schedule(first=NOON + HOUR), make_receiver(failing_since=NOON, disabled_at=NOON)

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr("jobs.guarding.audit.note", refuse)
    admin.raise_request_exception = False
    for noun, action, key in (
        ("schedule", "disable_selected", schedule.id),
        ("receiver", "switch_on_selected", receiver.id),
    ):
        answer = admin.post(f"/admin/jobs/{noun}/", {"action": action, "_selected_action": [str(key)]})
        assert answer.status_code == 503
    schedule.refresh_from_db()
    receiver.refresh_from_db()
    assert (schedule.disabled_at, receiver.disabled_at) == (None, NOON)


@pytest.mark.parametrize("noun", ["schedule", "queue", "receiver", "job", "user"])
@pytest.mark.parametrize("key", ["x", "9" * 20, "\x00", ""])
def test_boxes_that_no_list_has_are_refused_in_words(admin: Client, noun: str, key: str) -> None:
    actions = {
        "schedule": "disable_selected",
        "queue": "pause_selected",
        "receiver": "switch_on_selected",
        "job": "cancel_selected",
        "user": "reset_second_factor",
    }
    make_schedule(first=NOON + HOUR)
    make_queue()
    make_receiver()
    [told_them] = act(admin, noun, actions[noun], key)
    assert told_them.startswith("Nothing was done: what was selected is no row of this list.")


def test_a_run_by_an_operator_counts_as_one_by_the_owner(admin: Client) -> None:
    schedule = make_schedule(first=NOON + HOUR)
    User.objects.filter(pk=schedule.user_id).update(limits={"waiting_jobs": 1})
    before = Job.objects.count()
    assert "left as it is" in act(admin, "schedule", "run_selected", schedule.id)[0]
    assert Job.objects.count() == before
