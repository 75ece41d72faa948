"""When an alert fires, and when that is over: by what ends and by the clock, without a database."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs.alerting import lateness, matching, shares, silence, streaks
from jobs.alerting.changes import Judgement
from jobs.models import AlertedEnd
from tests.factories import NOON
from tests.jobs.alerting.ends import SCHEDULE, completed, discarded

HOUR = [1, "hours"]


def after(**length: float) -> datetime:
    return NOON + timedelta(**length)


def fired(judgement: Judgement) -> list[bool]:
    return [change.fires for change in judgement.changes]


# so many in a row


def streak(ends: list[AlertedEnd], memory: Mapping[str, Any] | None = None, *, in_a_row: int = 3) -> Judgement:
    return streaks.judge(in_a_row, ends, memory=memory or {}, now=NOON)


def test_the_third_in_a_row_fires_and_the_next_success_is_the_end_of_it() -> None:
    assert fired(streak(discarded(2))) == []
    judged = streak(discarded(3))
    assert fired(judged) == [True]
    assert judged.changes[0].summary == "the last 3 jobs to example.com were discarded: job 1, timeout"
    assert fired(streak(completed(), judged.memory)) == [False]


def test_a_streak_goes_on_from_look_to_look_and_a_success_breaks_it() -> None:
    first = streak(discarded(2))
    assert fired(streak(discarded(1), first.memory)) == [True]
    assert fired(streak([*completed(), *discarded(2)], first.memory)) == [False]


def test_each_schedule_and_each_host_has_a_streak_of_its_own() -> None:
    of_schedule = discarded(2, schedule_id=SCHEDULE, name="report")
    elsewhere = discarded(2, url="https://example.org/hook")
    assert fired(streak([*of_schedule, *elsewhere, *discarded(2)])) == []
    [change] = streak([*of_schedule, *elsewhere, *discarded(1, schedule_id=SCHEDULE, name="report")]).changes
    assert change.subject == f"schedule:{SCHEDULE}"
    assert change.summary == f"the last 3 runs of schedule {SCHEDULE} (report) were discarded: job 1, timeout"


def test_no_more_than_a_thousand_are_counted_and_those_that_are_go_on() -> None:
    many = [end for number in range(1500) for end in discarded(1, url=f"https://{number}.example.com/")]
    judged = streak(many, in_a_row=2)
    assert len(judged.memory["streaks"]) == streaks.MOST_COUNTED
    assert sum(fired(streak(many, judged.memory, in_a_row=2))) == streaks.MOST_COUNTED
    later = streaks.judge(2, discarded(1, at=after(days=2)), memory=judged.memory, now=after(days=2))
    assert list(later.memory["streaks"]) == ["host:example.com"]


# a share of what ended


RULE = {"share": 0.5, "of_last": HOUR, "at_least": 4}


def share(ends: list[AlertedEnd], memory: Mapping[str, Any] | None = None, *, now: datetime = NOON) -> Judgement:
    return shares.judge(RULE, ends, memory=memory or {}, now=now)


def test_a_half_fires_if_enough_have_ended() -> None:
    assert fired(share([*discarded(3)])) == []
    judged = share([*discarded(2), *completed(), *completed()])
    assert fired(judged) == [True]
    assert judged.changes[0].summary == "2 of 4 jobs that ended within the last 1 hour were discarded"
    assert fired(share([*discarded(2), *(end for _ in range(3) for end in completed())])) == []


def test_a_share_is_over_when_a_span_without_it_has_passed_and_not_at_the_next_success() -> None:
    judged = share(discarded(4))
    assert judged.due_at == after(hours=1)
    calmer = [end for _ in range(5) for end in completed(at=after(minutes=10))]
    soon = share(calmer, judged.memory, now=after(minutes=10))
    assert fired(soon) == []
    assert fired(share([], soon.memory, now=after(minutes=59))) == []
    over = share([], soon.memory, now=after(minutes=61))
    assert fired(over) == [False]
    assert (over.due_at, over.memory.get("held_at")) == (None, None)


def test_what_ended_before_the_span_is_not_counted() -> None:
    judged = share(discarded(3))
    assert fired(share(discarded(1, at=after(hours=2)), judged.memory, now=after(hours=2))) == []


def test_what_is_kept_does_not_grow_with_what_ends() -> None:
    memory: Mapping[str, Any] = {}
    for minute in range(300):
        now = after(minutes=minute)
        memory = share(discarded(20, at=now), memory, now=now).memory
    assert len(memory["slices"]) <= 62


# lateness


def late(
    ends: list[AlertedEnd],
    memory: Mapping[str, Any] | None = None,
    *,
    waiting: AlertedEnd | None = None,
    now: datetime = NOON,
) -> Judgement:
    return lateness.judge([5, "minutes"], ends, waiting=waiting, memory=memory or {}, now=now)


def test_one_that_began_too_late_fires_and_so_does_one_that_waits() -> None:
    assert fired(late(completed(late_seconds=300.0))) == []
    judged = late(completed(late_seconds=301.0))
    assert fired(judged) == [True]
    assert judged.changes[0].summary == "job 1 began 5 min 1 s after it was due"
    [waiting] = completed(late_seconds=7300.0)
    assert late([], waiting=waiting).changes[0].summary == "job 1 has been due for 2 h 1 min and has not begun"


def test_lateness_is_over_when_as_long_has_passed_without_any() -> None:
    judged = late(completed(late_seconds=400.0))
    assert fired(late(completed(), judged.memory, now=after(minutes=4))) == []
    assert fired(late([], judged.memory, now=after(minutes=5))) == [False]


# no success


def silent(
    ends: list[AlertedEnd], memory: Mapping[str, Any] | None = None, *, now: datetime, since: datetime = NOON
) -> Judgement:
    return silence.judge([1, "days"], ends, since=since, memory=memory or {}, now=now)


def test_no_success_for_a_day_fires_counted_from_the_alerts_making() -> None:
    assert silent([], now=after(hours=23)).due_at == after(days=1)
    judged = silent(discarded(5), now=after(hours=24))
    assert fired(judged) == [True]
    expected = "no job was completed since 2026-03-01T12:00:00Z, which is longer than 1 day"
    assert judged.changes[0].summary == expected


def test_a_success_puts_it_off_and_ends_it() -> None:
    judged = silent(completed(at=after(hours=20)), now=after(hours=20))
    assert judged.due_at == after(hours=44)
    assert fired(silent([], judged.memory, now=after(hours=43))) == []
    gone = silent([], judged.memory, now=after(hours=45))
    assert fired(gone) == [True]
    assert fired(silent(completed(at=after(hours=46)), gone.memory, now=after(hours=46))) == [False]


# what it is about

OF_JOBS = completed(
    schedule_id=SCHEDULE, name="report", queue="mail", tags=",red,late,", url="https://example.com:8443/hook?a=1"
)[0]


@pytest.mark.parametrize(
    ("of", "is_about"),
    [
        (None, True),
        ({}, True),
        ({"schedule_id": str(SCHEDULE)}, True),
        ({"schedule_id": "00000000-0000-0000-0000-000000000001"}, False),
        ({"name": "report", "queue": "mail"}, True),
        ({"name": "report", "queue": "other"}, False),
        ({"tag": ["red", "late"]}, True),
        ({"tag": ["re"]}, False),
        ({"url": "https://example.com:8443/hook?a=1"}, True),
        ({"url": "https://example.com:8443/hook"}, False),
        ({"host": "example.com"}, True),
        ({"host": "example.com:8443"}, True),
        ({"host": "example.com:84"}, False),
        ({"host": "ample.com"}, False),
        ({"host": "EXAMPLE.com"}, True),
    ],
)
def test_filters_say_what_an_alert_is_about(of: dict[str, Any] | None, is_about: bool) -> None:
    assert matching.ends(of)(OF_JOBS) is is_about
