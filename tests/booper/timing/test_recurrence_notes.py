"""Upcoming runs as people are told of them: in their zone, with what a clock change does to them."""

from datetime import datetime

from booper.timing import durations, recurrence
from booper.timing.recurrence import Every, Once, Rule, Run
from tests.booper.timing.rules import LONDON, NOW, SECOND, at, every


def notes(rule: Rule, *, after: str, count: int) -> list[tuple[str, str | None]]:
    found = recurrence.upcoming(rule, after=at(after), count=count)
    return [(run.local.isoformat(timespec="minutes"), run.note) for run in found]


def test_upcoming_runs_are_said_in_utc_and_in_the_zone() -> None:
    rule = recurrence.by_cron("0 9 * * *", zone="America/New_York")
    (run,) = recurrence.upcoming(rule, after=at("2026-07-01T00:00"), count=1)
    assert run == Run(at=at("2026-07-01T13:00"), local=run.local, note=None)
    assert run.local.isoformat() == "2026-07-01T09:00:00-04:00"


def test_upcoming_runs_end_with_their_bounds() -> None:
    rule = every([1, "day"], anchor=at("2026-11-01T09:00"))
    found = list(recurrence.upcoming(rule, after=NOW, count=100, ends_at=at("2026-11-26T09:00")))
    assert [run.at.day for run in found] == [24, 25, 26]
    found = list(recurrence.upcoming(rule, after=NOW, count=2, starts_at=at("2027-01-01T09:00")))
    assert [run.at for run in found] == [at("2027-01-01T09:00"), at("2027-01-02T09:00")]
    assert [run.at for run in recurrence.upcoming(Once(NOW), after=NOW - SECOND, count=5)] == [NOW]
    assert list(recurrence.upcoming(Once(NOW), after=NOW, count=5)) == []


def test_a_note_says_where_a_skipped_time_runs() -> None:
    rule = recurrence.by_cron("30 1 * * *", zone="Europe/London")
    assert notes(rule, after="2026-03-28T12:00", count=2) == [
        ("2026-03-29T02:00+01:00", "01:30 does not exist on 2026-03-29 in Europe/London; runs at 02:00"),
        ("2026-03-30T01:30+01:00", None),
    ]


def test_a_note_says_how_many_skipped_times_meet() -> None:
    rule = recurrence.by_cron("0,30 2 * * *", zone="America/New_York")
    assert notes(rule, after="2026-03-08T00:00", count=1) == [
        ("2026-03-08T03:00-04:00", "02:00 to 02:30 do not exist on 2026-03-08 in America/New_York; runs at 03:00"),
    ]


def test_a_note_says_what_is_passed_over() -> None:
    rule = recurrence.by_cron("*/20 2 * * *", zone="America/New_York")
    assert notes(rule, after="2026-03-08T00:00", count=2) == [
        ("2026-03-09T02:00-04:00", "02:00 to 02:40 do not exist on 2026-03-08 in America/New_York; passed over"),
        ("2026-03-09T02:20-04:00", None),
    ]


def test_a_note_says_that_a_time_that_comes_twice_runs_once() -> None:
    rule = recurrence.by_cron("30 1 * * *", zone="Europe/London")
    once = "the clock goes back: 01:30 comes twice on 2026-10-25 in Europe/London, runs once"
    assert notes(rule, after="2026-10-24T12:00", count=2) == [
        ("2026-10-25T01:30+01:00", once),
        ("2026-10-26T01:30+00:00", "the UTC offset changes here: +01:00 -> +00:00"),
    ]


def test_a_note_says_which_pass_of_an_hour_it_is() -> None:
    twice = "the clock goes back: 01:30 comes twice on 2026-04-05 in Australia/Lord_Howe"
    rule = recurrence.by_cron("*/30 * * * *", zone="Australia/Lord_Howe")
    assert notes(rule, after="2026-04-04T14:00", count=4) == [
        ("2026-04-05T01:30+11:00", f"{twice}, runs twice"),
        ("2026-04-05T01:30+10:30", f"{twice}, this is the second"),
        ("2026-04-05T02:00+10:30", None),
        ("2026-04-05T02:30+10:30", None),
    ]


def test_a_note_says_where_the_offset_changes() -> None:
    rule = recurrence.by_cron("0 9 * * 1-5", zone="Europe/London")
    assert notes(rule, after="2026-03-27T00:00", count=3) == [
        ("2026-03-27T09:00+00:00", None),
        ("2026-03-30T09:00+01:00", "the UTC offset changes here: +00:00 -> +01:00"),
        ("2026-03-31T09:00+01:00", None),
    ]
    monthly = Every(durations.parse([1, "month"]), datetime(2026, 3, 1, 9, tzinfo=LONDON), LONDON)
    assert notes(monthly, after="2026-03-02T00:00", count=2) == [
        ("2026-04-01T09:00+01:00", "the UTC offset changes here: +00:00 -> +01:00"),
        ("2026-05-01T09:00+01:00", None),
    ]


def test_a_zone_without_clock_changes_has_no_notes() -> None:
    rule = recurrence.by_cron("@hourly", zone="Asia/Kathmandu")
    assert {run.note for run in recurrence.upcoming(rule, after=at("2026-01-01"), count=1000)} == {None}
