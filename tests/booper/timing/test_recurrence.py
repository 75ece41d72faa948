"""When something runs next: once, at an interval, by cron; its first run, its bounds, and what an outage missed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.timing import durations, recurrence, zones
from booper.timing.cron import InvalidCron
from booper.timing.durations import InvalidDuration
from booper.timing.recurrence import CronRule, Every, InvalidZone, Once, Rule
from tests.booper.timing.rules import LONDON, NOW, SECOND, at, every

YEAR = timedelta(days=365)


def runs_between(rule: Rule, *, after: datetime, until: datetime) -> list[datetime]:
    """By asking for the next run again and again."""
    found = []
    while (run := recurrence.next_run(rule, after=after)) is not None and run <= until:
        found.append(run)
        after = run
    return found


def test_once_runs_once() -> None:
    rule = Once(NOW)
    assert recurrence.next_run(rule, after=NOW - SECOND) == NOW
    assert recurrence.next_run(rule, after=NOW) is None


def test_an_interval_runs_at_its_anchor_and_on_the_grid_from_there() -> None:
    rule = every([5, "minutes"])
    assert recurrence.next_run(rule, after=NOW - YEAR) == NOW
    assert recurrence.next_run(rule, after=NOW) == NOW + timedelta(minutes=5)
    assert recurrence.next_run(rule, after=NOW + timedelta(minutes=5)) == NOW + timedelta(minutes=10)
    # Asked late, it answers with the grid, not with five minutes from the question.
    assert recurrence.next_run(rule, after=NOW + timedelta(minutes=61)) == NOW + timedelta(minutes=65)


def test_a_second_is_on_its_grid_sixty_times_a_minute_a_year_later() -> None:
    later = NOW + YEAR
    found = runs_between(every(1), after=later, until=later + timedelta(seconds=60))
    assert found == [later + count * SECOND for count in range(1, 61)]


def test_an_interval_that_binary_fractions_cannot_hold_does_not_drift() -> None:
    rule = every(1.1)
    assert recurrence.next_run(rule, after=NOW + 11_000_000 * SECOND) == NOW + timedelta(seconds=11_000_001.1)
    assert len(runs_between(rule, after=NOW, until=NOW + 11 * SECOND)) == 10


def test_a_month_from_the_31st_is_the_last_day_of_every_month() -> None:
    rule = every([1, "month"], anchor=at("2027-12-31T09:00"))
    found = runs_between(rule, after=at("2028-01-01"), until=at("2028-05-31T09:00"))
    assert [f"{run:%m-%d %H:%M}" for run in found] == [
        "01-31 09:00",
        "02-29 09:00",
        "03-31 09:00",
        "04-30 09:00",
        "05-31 09:00",
    ]


def test_a_month_in_a_zone_keeps_its_wall_clock() -> None:
    rule = Every(durations.parse([1, "month"]), datetime(2026, 1, 31, 9, tzinfo=LONDON), LONDON)
    found = runs_between(rule, after=at("2026-02-01"), until=at("2026-05-01"))
    assert [run.astimezone(LONDON).isoformat(timespec="minutes") for run in found] == [
        "2026-02-28T09:00+00:00",
        "2026-03-31T09:00+01:00",
        "2026-04-30T09:00+01:00",
    ]


def test_an_anchor_in_the_second_pass_of_an_hour_keeps_its_distance() -> None:
    anchor = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=1)
    rule = Every(durations.parse([1, "hour"]), anchor, LONDON)
    assert recurrence.next_run(rule, after=anchor.replace(fold=0)) == at("2026-10-25T01:30")
    assert recurrence.next_run(rule, after=anchor) == at("2026-10-25T02:30")


@pytest.mark.parametrize("value", [0, 0.999, [0.5, "seconds"], [0, "months"], [1e-9, "years"]])
def test_an_interval_of_less_than_a_second_is_refused(value: object) -> None:
    with pytest.raises(InvalidDuration, match="use 1 second or more"):
        every(value)


@pytest.mark.parametrize("value", [1, [0.017, "minutes"], [0.0000005, "months"], [10, "years"]])
def test_an_interval_of_a_second_or_more_is_taken(value: object) -> None:
    assert recurrence.next_run(every(value), after=NOW) is not None


def test_cron_runs_in_its_zone() -> None:
    rule = recurrence.by_cron("0 9 * * 1-5", zone="Europe/London")
    assert recurrence.next_run(rule, after=at("2026-07-03T08:00")) == at("2026-07-06T08:00")
    assert recurrence.next_run(recurrence.by_cron("0 9 * * 1-5"), after=at("2026-07-03T08:00")) == at(
        "2026-07-03T09:00"
    )


@pytest.mark.parametrize(
    "rule",
    [Once(at("2026-11-25T09:00")), every([1, "day"], anchor=at("2026-11-20T09:00")), recurrence.by_cron("0 9 * * *")],
    ids=recurrence.describe,
)
def test_the_bounds_of_a_schedule_include_their_ends(rule: Rule) -> None:
    run, tick = at("2026-11-25T09:00"), timedelta(microseconds=1)
    after = at("2026-11-24T12:00")
    assert recurrence.next_run(rule, after=after, starts_at=run, ends_at=run) == run
    assert recurrence.next_run(rule, after=after, ends_at=run - tick) is None
    assert recurrence.next_run(rule, after=after, starts_at=run + tick) != run
    assert recurrence.next_run(rule, after=run, starts_at=after) != run
    # Bounds at either end of the calendar are no bounds.
    ends = {"starts_at": datetime.min.replace(tzinfo=UTC), "ends_at": datetime.max.replace(tzinfo=UTC)}
    assert recurrence.next_run(rule, after=run - tick, **ends) == run


def test_a_naive_moment_is_a_bug_wherever_it_comes_in() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="at="):
        Once(naive)
    with pytest.raises(ValueError, match="anchor="):
        every(1, anchor=naive)
    with pytest.raises(ValueError, match="after="):
        recurrence.next_run(every(1), after=naive)
    with pytest.raises(ValueError, match="starts_at="):
        recurrence.next_run(every(1), after=NOW, starts_at=naive)


def test_beyond_the_calendar_there_is_no_run() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    for rule in (every(1), every([1, "month"]), every([7, "years"]), recurrence.by_cron("* * * * *")):
        assert recurrence.next_run(rule, after=end) is None
        assert recurrence.latest_missed(rule, after=NOW, now=NOW) is None


@pytest.mark.parametrize(
    ("rule", "asked_at", "expected"),
    [
        (Once(NOW + SECOND), None, NOW + SECOND),
        (Once(NOW - YEAR), None, NOW),
        (every(60), None, NOW),
        (every(60), NOW + timedelta(seconds=30), NOW + timedelta(seconds=30)),
        (every(60, anchor=NOW + SECOND), None, NOW + SECOND),
        (every(60), NOW - YEAR, NOW),
        (recurrence.by_cron("0 9 * * *"), None, at("2026-11-24T09:00")),
        # A first run that was asked for need not be on cron's grid.
        (recurrence.by_cron("0 9 * * *"), NOW + SECOND, NOW + SECOND),
        (recurrence.by_cron("0 9 * * *"), NOW - YEAR, NOW),
    ],
)
def test_the_first_run_is_the_one_asked_for_else_now_or_the_next_match(
    rule: Rule, asked_at: datetime | None, expected: datetime
) -> None:
    assert recurrence.first_run(rule, now=NOW, asked_at=asked_at) == expected


def test_a_cron_match_at_this_very_moment_is_not_the_first_run() -> None:
    nine = at("2026-11-24T09:00")
    rule = recurrence.by_cron("0 9 * * *")
    assert recurrence.first_run(rule, now=nine) == nine + timedelta(days=1)


def test_the_first_run_keeps_to_the_bounds() -> None:
    later = NOW + timedelta(days=7)
    for rule in (every(60), every(60).anchored(NOW - YEAR), Once(NOW)):
        assert recurrence.first_run(rule, now=NOW, starts_at=later) == later
        assert recurrence.first_run(rule, now=NOW, ends_at=NOW - SECOND) is None
        assert recurrence.first_run(rule, now=NOW, ends_at=NOW) == NOW
    daily = recurrence.by_cron("0 9 * * *")
    assert recurrence.first_run(daily, now=NOW, starts_at=at("2026-12-01T09:00")) == at("2026-12-01T09:00")
    assert recurrence.first_run(daily, now=NOW, ends_at=at("2026-11-24T08:59")) is None


def test_the_grid_hangs_on_the_first_run() -> None:
    rule = every([1, "hour"])
    first = recurrence.first_run(rule, now=NOW, asked_at=NOW + timedelta(minutes=10))
    assert first is not None
    assert recurrence.next_run(rule.anchored(first), after=first) == NOW + timedelta(minutes=70)


def test_what_an_outage_missed_is_one_run_the_latest() -> None:
    rule = every([5, "minutes"])
    missed = recurrence.latest_missed(rule, after=NOW, now=NOW + timedelta(minutes=61))
    assert missed == NOW + timedelta(minutes=60)
    daily = recurrence.by_cron("0 9 * * 1-5", zone="Europe/London")
    assert recurrence.latest_missed(daily, after=at("2026-11-01"), now=at("2026-11-22T12:00")) == at("2026-11-20T09:00")
    assert recurrence.latest_missed(Once(NOW), after=NOW - YEAR, now=NOW + YEAR) == NOW


def test_a_run_that_is_due_this_moment_counts_as_missed_and_the_last_one_done_does_not() -> None:
    for rule in (every(60, anchor=at("2026-11-24T09:00")), recurrence.by_cron("* * * * *")):
        nine = at("2026-11-24T09:00")
        assert recurrence.latest_missed(rule, after=nine - SECOND, now=nine) == nine
        assert recurrence.latest_missed(rule, after=nine, now=nine + timedelta(seconds=59)) is None


def test_nothing_is_missed_outside_the_bounds() -> None:
    for rule in (every([1, "hour"], anchor=at("2026-11-20T00:00")), recurrence.by_cron("0 * * * *")):
        missed = recurrence.latest_missed(
            rule, after=at("2026-11-21"), now=at("2026-11-24"), ends_at=at("2026-11-22T10:30")
        )
        assert missed == at("2026-11-22T10:00")
        assert recurrence.latest_missed(rule, after=NOW, now=NOW + YEAR, starts_at=NOW + 2 * YEAR) is None
        assert recurrence.latest_missed(rule, after=NOW, now=NOW + YEAR, ends_at=NOW - YEAR) is None


@pytest.mark.timeout(10)
def test_a_year_of_missed_seconds_costs_no_more_than_an_hour_of_them() -> None:
    rules = (every(1), every([0.0001, "months"]), recurrence.by_cron("* * * * *", zone="Europe/London"))
    for rule in rules:
        missed = recurrence.latest_missed(rule, after=NOW, now=NOW + YEAR)
        assert missed is not None
        assert NOW + YEAR - timedelta(minutes=5) < missed <= NOW + YEAR


intervals = st.one_of(
    st.integers(1, 10**6),
    st.floats(1, 10**6),
    st.tuples(st.sampled_from([0.01, 0.5, 1, 1.5, 2, 7, 12]), st.just("months")),
    st.tuples(st.sampled_from([0.5, 1, 1.25, 3]), st.just("years")),
)


crons = st.sampled_from(["*/7 * * * *", "0 9 * * 1-5", "30 1 * * *", "15 */2 1,15 * 3", "0 0 29 2 *", "@monthly"])


moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


rules = st.one_of(
    st.builds(
        lambda value, anchor, zone: Every(durations.parse(value), anchor, zone),
        intervals,
        moments,
        st.sampled_from([UTC, LONDON]),
    ),
    st.builds(lambda text, zone: recurrence.by_cron(text, zone=zone), crons, st.sampled_from(["UTC", "Europe/London"])),
)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(rules, moments, st.data())
def test_runs_come_after_in_order_and_none_is_skipped(rule: Rule, after: datetime, data: st.DataObject) -> None:
    first = recurrence.next_run(rule, after=after)
    assert first is not None
    second = recurrence.next_run(rule, after=first)
    assert second is not None
    assert after < first < second
    # From anywhere between two runs the next is the second of them: nothing lies between, and nothing depends on when
    # the question is asked.
    between = first + data.draw(st.floats(0, 0.999)) * (second - first)
    assert recurrence.next_run(rule, after=between) == second
    assert recurrence.next_run(rule, after=second - timedelta(microseconds=1)) == second
    assert recurrence.latest_missed(rule, after=after, now=between) == first
    assert recurrence.latest_missed(rule, after=first, now=second) == second


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(rules, moments, st.integers(1, 40))
def test_the_latest_missed_is_the_last_of_all_that_were_due(rule: Rule, after: datetime, count: int) -> None:
    runs = [run.at for run in recurrence.upcoming(rule, after=after, count=count + 1)]
    now = runs[-1] - timedelta(microseconds=1)
    assert recurrence.latest_missed(rule, after=after, now=now) == runs[-2]
    assert runs_between(rule, after=after, until=now) == runs[:-1]


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(intervals, moments, st.integers(0, 10**4))
def test_every_run_of_an_interval_is_a_whole_number_of_it_after_the_anchor(
    value: object, anchor: datetime, step: int
) -> None:
    rule = every(value, anchor=anchor)
    step %= 50 if rule.interval.is_calendar else 10**4
    run = rule.interval.after(anchor, times=step)
    assert recurrence.next_run(rule, after=run - timedelta(microseconds=1)) == run


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Once(NOW), "once"),
        (every(1), "every second"),
        (every([5, "minutes"]), "every 5 minutes"),
        (every([1, "month"]), "every month"),
        (recurrence.by_cron("0 9 * * 1-5", zone="Europe/London"), "at 09:00 on weekdays, Europe/London"),
        (recurrence.by_cron("@daily"), "at 00:00 every day, UTC"),
    ],
)
def test_a_rule_is_said_in_words(rule: Rule, words: str) -> None:
    assert recurrence.describe(rule) == words


def test_a_rule_by_cron_says_which_half_is_wrong() -> None:
    assert isinstance(recurrence.by_cron("@daily", zone="UTC"), CronRule)
    with pytest.raises(InvalidCron):
        recurrence.by_cron("60 * * * *", zone="UTC")
    with pytest.raises(InvalidZone):
        recurrence.by_cron("@daily", zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("europe/london", 'did you mean "Europe/London"?'),
        ("Europe/Londn", 'did you mean "Europe/London"?'),
        ("Z", 'did you mean "UTC"?'),
        ("PST", 'did you mean "America/Los_Angeles"?'),
        ("cest", 'did you mean "Europe/Berlin"?'),
        ("Mars/Olympus", "use an IANA name"),
        ("", "use an IANA name"),
        ("../../etc/passwd", "is not a known time zone"),
        ("/etc/localtime", "is not a known time zone"),
        ("localtime", "is not a known time zone"),
        ("Europe", "is not a known time zone"),
        ("Europe/London\x00", "is not a known time zone"),
        ("\ud800", "is not a known time zone"),
        ("x" * 10**6, "is not a known time zone"),
        ("+01:00", "is not a known time zone"),
        (None, "is not a known time zone"),
        (5, "is not a known time zone"),
        (["UTC"], "is not a known time zone"),
    ],
    ids=durations.shown,
)
def test_a_zone_that_is_none_is_refused_with_the_nearest(name: object, says: str) -> None:
    with pytest.raises(InvalidZone) as refusal:
        recurrence.zone_named(name)
    assert says in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_runs_of_an_interval_are_evenly_spaced_across_a_clock_change() -> None:
    rule = Every(durations.parse([1, "day"]), datetime(2026, 3, 27, 9, tzinfo=LONDON), LONDON)
    runs = [run.at for run in recurrence.upcoming(rule, after=at("2026-03-26"), count=5)]
    assert {later - earlier for earlier, later in pairwise(runs)} == {timedelta(days=1)}


def test_what_an_abbreviation_is_told_to_mean_is_a_zone_and_the_abbreviation_is_none() -> None:
    for short, name in zones._ABBREVIATIONS.items():
        assert str(recurrence.zone_named(name)) == name
        with pytest.raises(InvalidZone):
            recurrence.zone_named(short)


# Several crons


UNION = ["0 9 * * 1-5", "30 9 * * *", "0 9 1 * *"]


def test_several_crons_run_when_one_of_them_does_and_once_where_two_do() -> None:
    union = recurrence.by_cron(UNION, zone="Europe/London")
    after, until = at("2026-02-20T00:00"), at("2026-04-20T00:00")
    apart = {run for text in UNION for run in recurrence.grid(by_one(text), since=after, until=until)}
    assert list(recurrence.grid(union, since=after, until=until)) == sorted(apart)


def by_one(text: str) -> CronRule:
    return recurrence.by_cron(text, zone="Europe/London")


def test_the_note_is_that_of_the_expression_that_runs() -> None:
    union = recurrence.by_cron(["30 1 * * *", "0 12 * * *"], zone="Europe/London")
    night, noon = recurrence.upcoming(union, after=at("2026-03-28T20:00"), count=2)
    assert night.note == "01:30 does not exist on 2026-03-29 in Europe/London; runs at 02:00"
    assert noon.note is None


def test_several_crons_in_words() -> None:
    words = recurrence.describe(recurrence.by_cron(["0 9 * * 1-5", "0 12 * * 6"], zone="Europe/London"))
    assert words == "at 09:00 on weekdays; at 12:00 on Saturday, Europe/London"


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        (recurrence.by_cron("0 9 * * *"), 86_400),
        (recurrence.by_cron("0 9 * * 1-5"), 86_400),
        (recurrence.by_cron(["0 9 * * *", "20 9 * * 1"]), 1200),
        (recurrence.by_cron("0 9 1 * *"), 28 * 86_400),
        (recurrence.by_cron("*/5 * * * *"), 300),
        (every([2, "hours"]), 7200),
        (every([1, "month"]), 28 * 86_400),
    ],
)
def test_the_shortest_gap_between_two_runs(rule: Every | CronRule, seconds: float) -> None:
    assert recurrence.shortest_gap_seconds(rule) == seconds
