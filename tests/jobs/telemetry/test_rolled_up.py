"""Each row of the log is counted once, whoever counts and however often; what charts show comes from nothing else."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booper.outcomes.outcome import Failure, Outcome
from jobs.beat import Scheduler
from jobs.database import ended_counts
from jobs.database.ended_counts import Ended
from jobs.models import Job, LogEvent, RolledUpCount, RolledUpTo, User
from jobs.models.rolled_up_count import DAY as A_DAY
from jobs.models.rolled_up_count import HOUR, MINUTE, Of
from jobs.operating import retention, user_removal
from jobs.telemetry import figures, rolled_up, spread
from jobs.telemetry.figures import RANGES, Range
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import OK, REFUSED, answered, run_due

pytestmark = pytest.mark.django_db

MINUTES, DAY = timedelta(minutes=1), timedelta(days=1)
THE_HOUR, THE_DAY, THE_MONTH = RANGES[0], RANGES[2], RANGES[4]


def roll_up(*, limit: int = 10_000) -> bool:
    """The rows of tests have ids of this very moment: they are settled a little later."""
    return rolled_up.roll_up(limit=limit, now=datetime.now(UTC) + rolled_up.SETTLED_AFTER + timedelta(seconds=1))


def shown(asked: Range = THE_HOUR, *, now: datetime = NOON) -> figures.Figures:
    return figures.of_user(make_user().id, asked, now=now)


def test_jobs_and_failed_attempts_are_counted_by_the_minute_in_which_they_ended() -> None:
    make_job(max_attempts=1)
    run_due(answered(500))
    for _ in range(2):
        make_job()
    run_due(until=NOON + MINUTES)
    make_job()
    run_due(REFUSED, until=NOON + MINUTES)
    assert not roll_up()
    found = shown(now=NOON + MINUTES)
    assert [(bar.counted.completed, bar.counted.failed) for bar in found.bars[-2:]] == [(0, 1), (2, 1)]
    assert (found.total.completed, found.total.discarded, found.total.failed) == (2, 1, 2)
    assert found.total.success_share == pytest.approx(2 / 3)


def test_what_was_counted_is_not_counted_again() -> None:
    make_job()
    run_due()
    for _ in range(3):
        roll_up()
    make_job()
    run_due()
    roll_up()
    assert shown().total.completed == 2
    assert RolledUpTo.objects.count() == 1


def test_who_has_lost_the_race_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_job()
    run_due()
    between = ended_counts.between

    def let_another_one_win(begin: UUID, end: UUID, **named: Any) -> list[Ended]:
        found = between(begin, end, **named)
        monkeypatch.setattr(ended_counts, "between", between)
        roll_up()
        return found

    monkeypatch.setattr(ended_counts, "between", let_another_one_win)
    roll_up()
    assert shown().total.completed == 1


def test_of_a_user_who_is_removed_meanwhile_no_count_comes_back(
    monkeypatch: pytest.MonkeyPatch, other_user: User
) -> None:
    for user in (make_user(), other_user):
        make_job(user=user)
    run_due()
    between = ended_counts.between

    def remove_one(begin: UUID, end: UUID, **named: Any) -> list[Ended]:
        found = between(begin, end, **named)
        user_removal.remove(make_user(), now=NOON, pause_seconds=0)
        return found

    monkeypatch.setattr(ended_counts, "between", remove_one)
    roll_up()
    assert set(RolledUpCount.objects.values_list("user_id", flat=True)) == {other_user.id}


def test_many_rows_are_counted_a_few_at_a_time() -> None:
    for _ in range(5):
        make_job()
    run_due()
    rounds = 1
    while roll_up(limit=3):
        rounds += 1
    assert rounds == LogEvent.objects.count() // 3 + 1
    assert shown().total.completed == 5


def test_a_row_that_may_not_have_company_yet_is_left_for_later() -> None:
    make_job()
    run_due()
    rolled_up.roll_up(limit=1000, now=datetime.now(UTC))
    assert shown().total.completed == 0
    roll_up()
    assert shown().total.completed == 1


def test_nothing_is_written_where_nothing_has_ended() -> None:
    roll_up()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        roll_up()
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_lateness_and_duration_are_spread() -> None:
    for number in range(100):
        make_job(scheduled_at=NOON - timedelta(milliseconds=40 if number else 4000))
    run_due(OK)
    roll_up()
    late, took = shown().total.late, shown().total.took
    assert sum(late.values()) == sum(took.values()) == 100
    assert 30 <= (spread.quantile(late, 0.5) or 0) <= 50
    assert 3000 <= (spread.quantile(late, 0.995) or 0) <= 5000
    assert 30 <= (spread.quantile(took, 0.5) or 0) <= 50


def test_what_is_counted_later_is_added_to_all_that_is_known_of_its_minute() -> None:
    for count in (1, 2):
        for _ in range(count):
            make_job()
        run_due(OK)
        roll_up()
    total = shown().total
    assert (total.completed, sum(total.late.values()), sum(total.took.values())) == (3, 3, 3)


def test_an_attempt_that_was_given_back_is_no_failure() -> None:
    job = make_job()
    run_due()
    for code, retry_at in (("worker_stopped", "2026-03-01T12:00:00Z"), ("set_refused", None), ("cancelled", None)):
        payload = {"code": code, "message": "", "retry_at": retry_at}
        LogEvent.objects.create(
            event="job.error", inserted_at=NOON, job_id=job.id, user_id=job.user_id, attempt=1, payload=payload
        )
    roll_up()
    assert shown().total.failed == 0


def test_the_worst_hosts_and_schedules_are_found() -> None:
    schedule = make_schedule(spec={"max_attempts": 1})
    Job.objects.filter(is_upcoming=True).update(is_upcoming=False)
    make_job(url="https://good.example/")
    run_due()
    for number in range(3):
        make_job(url=f"https://bad.example/{number}", max_attempts=1)
    make_job(url="https://good.example/", max_attempts=1)
    run_due(answered(500))
    roll_up()
    hosts = figures.worst(make_user().id, Of.HOST, THE_HOUR, most=5, now=NOON)
    assert [(each.key, each.counted.failed, each.failed_share) for each in hosts] == [
        ("bad.example", 3, 1.0),
        ("good.example", 1, 0.5),
    ]
    assert figures.worst(make_user().id, Of.SCHEDULE, THE_HOUR, most=5, now=NOON) == []
    counted = RolledUpCount.objects.get(of=Of.SCHEDULE, seconds=HOUR)
    assert (counted.key, counted.completed) == (str(schedule.id), 1)


def test_writers_wait_for_two_statements_however_many_keys_are_counted() -> None:
    for number in range(30):
        make_job(url=f"https://h{number}.example/")
    run_due()
    with CaptureQueriesContext(connection) as queries:
        roll_up()
    statements = [query["sql"].split()[0] for query in queries]
    begin = len(statements) - 1 - statements[::-1].index("SAVEPOINT")
    assert statements[begin:] == ["SAVEPOINT", "UPDATE", "INSERT", "RELEASE"]
    assert RolledUpCount.objects.filter(of=Of.HOST).count() == 2 * 30


def test_beyond_a_bound_hosts_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolled_up, "MOST_KEYS", 3)
    for number in range(6):
        make_job(url=f"https://h{number}.example/")
        if number == 2:
            run_due()
            roll_up()
    run_due()
    roll_up()
    for seconds in (HOUR, A_DAY):
        hosts = RolledUpCount.objects.filter(of=Of.HOST, seconds=seconds)
        assert {row.key: row.completed for row in hosts} == {"h0.example": 1, "h1.example": 1, "h2.example": 1, "": 3}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com", "example.com"),
        ("https://example.com?x=/y", "example.com"),
        ("https://example.com:8443/a/b?c=https://other.example/", "example.com:8443"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]:80"),
    ],
)
def test_a_host_is_read_out_of_any_url(url: str, host: str) -> None:
    make_job(url=url)
    run_due()
    roll_up()
    assert RolledUpCount.objects.get(of=Of.HOST, seconds=HOUR).key == host


def test_what_a_target_answers_feigns_no_count() -> None:
    make_job(max_attempts=2)
    said = Failure("http_status", 'it said "retry_at":null} and {"state":"completed","duration_ms":99999}')
    run_due(Outcome(response=None, failure=said, duration_ms=3))
    roll_up()
    counted = RolledUpCount.objects.get(of=Of.ALL, seconds=MINUTE)
    assert (counted.completed, counted.discarded, counted.failed, counted.took) == (0, 0, 1, {})


def test_a_job_that_was_erased_counts_for_its_owner() -> None:
    make_job()
    run_due()
    Job.objects.all()._raw_delete("default")
    roll_up()
    assert [(row.of, row.completed) for row in RolledUpCount.objects.filter(seconds=MINUTE)] == [(Of.ALL, 1)]


def test_a_count_of_somebody_else_is_not_shown(other_user: User) -> None:
    make_job(user=other_user, max_attempts=1)
    run_due(answered(500))
    roll_up()
    assert shown().total.failed == 0
    assert figures.worst(make_user().id, Of.HOST, THE_HOUR, most=5, now=NOON) == []


@pytest.mark.parametrize("now", [NOON, NOON.replace(hour=0), NOON.replace(hour=23, minute=59)], ids=str)
@pytest.mark.parametrize("asked", RANGES, ids=lambda asked: asked.name)
def test_the_worst_are_those_since_the_begin_of_an_hour_each_counted_once(asked: Range, now: datetime) -> None:
    begins_at = (now - asked.length).replace(minute=0)
    for host, at in (("in", begins_at), ("in", now), ("out", begins_at - timedelta(seconds=1))):
        make_job(url=f"https://{host}.example/", max_attempts=1, now=at, scheduled_at=at)
        run_due(answered(500), now=at)
    roll_up()
    found = figures.worst(make_user().id, Of.HOST, asked, most=5, now=now)
    assert [(each.key, each.counted.failed) for each in found] == [("in.example", 2)]


@pytest.mark.parametrize("asked", RANGES, ids=lambda asked: asked.name)
def test_a_range_is_read_whole_with_the_same_length_before_it(asked: Range) -> None:
    for age in (timedelta(), asked.length - asked.bar, asked.length + asked.bar, 2.5 * asked.length):
        make_job(scheduled_at=NOON - age)
        run_due(now=NOON - age)
    roll_up()
    found = shown(asked)
    assert len(found.bars) == round(asked.length / asked.bar)
    assert (found.total.completed, found.before.completed) == (2, 1)
    assert found.bars[-1].counted.completed == 1


def test_counts_go_when_they_are_old_and_with_their_user() -> None:
    make_job()
    run_due()
    roll_up()
    assert set(RolledUpCount.objects.values_list("seconds", flat=True)) == {MINUTE, HOUR, A_DAY}
    retention.prune(now=NOON + rolled_up.MINUTES_KEPT + DAY)
    assert set(RolledUpCount.objects.values_list("seconds", flat=True)) == {HOUR, A_DAY}
    retention.prune(now=NOON + rolled_up.HOURS_KEPT + 2 * DAY)
    assert not RolledUpCount.objects.exists()
    make_job()
    run_due()
    roll_up()
    assert RolledUpCount.objects.exists()
    user_removal.remove(make_user(), now=NOON, pause_seconds=0)
    assert not RolledUpCount.objects.exists()


def test_beat_counts_every_few_seconds_and_leaves_time_for_others_where_it_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    seconds = 100.0

    def count(*, limit: int, now: datetime) -> bool:
        nonlocal seconds
        seconds += 0.1
        asked.append(limit)
        return len(asked) == 1

    monkeypatch.setattr(rolled_up, "roll_up", count)
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    beat = Scheduler.__new__(Scheduler)
    beat._roll_up_at = 0.0
    assert beat._roll_up() == pytest.approx(0.4)
    seconds += 0.3
    assert beat._roll_up() == pytest.approx(0.1)
    assert len(asked) == 1
    seconds += 0.1
    assert beat._roll_up() == pytest.approx(5.0)
    assert len(asked) == 2
