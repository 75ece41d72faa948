"""Lengths and moments of time, as clients write them and as the calendar lays them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.content import exact_json
from booper.timing import durations
from booper.timing.durations import UNITS, Duration, InvalidDuration, InvalidMoment

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 24, 3, 4, 5, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (30, [30, "seconds"]),
        (0, [0, "seconds"]),
        (0.5, [0.5, "seconds"]),
        (-0.0, [0, "seconds"]),
        (5.0, [5, "seconds"]),
        ([5, "minutes"], [5, "minutes"]),
        ((5, "minutes"), [5, "minutes"]),
        ([1, "minute"], [1, "minutes"]),
        ([2, "Hours"], [2, "hours"]),
        ([1.5, "days"], [1.5, "days"]),
        ([3, "week"], [3, "weeks"]),
        ([1, "month"], [1, "months"]),
        ([10, "years"], [10, "years"]),
        ([3653, "days"], [3653, "days"]),
        ([120, "months"], [120, "months"]),
        ("30", [30, "seconds"]),
        ("0.5", [0.5, "seconds"]),
        ("30 seconds", [30, "seconds"]),
        ("5minutes", [5, "minutes"]),
        ("  1 Year ", [1, "years"]),
        ("1e3", [1000, "seconds"]),
        (["30", "seconds"], [30, "seconds"]),
        ([" 1.5 ", " hours "], [1.5, "hours"]),
    ],
)
def test_a_duration_is_a_number_a_pair_or_words(value: object, expected: list[object]) -> None:
    assert durations.parse(value).as_json() == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-1, "-1 is negative"),
        ([-0.5, "days"], "is negative"),
        ("-5 minutes", "is negative"),
        (float("nan"), "not a finite number"),
        (float("inf"), "not a finite number"),
        ([float("-inf"), "days"], "not a finite number"),
        ("1e999", "not a finite number"),
        (True, "True is a boolean"),
        ([False, "days"], "is a boolean"),
        ([3654, "days"], "more than ten years"),
        ([121, "months"], "more than ten years"),
        ([10.001, "years"], "more than ten years"),
        ("11 years", "more than ten years"),
        (10**9, "more than ten years"),
        (1e308, "more than ten years"),
        ([1e308, "years"], "more than ten years"),
        (10**18, "more than ten years"),
        (10**400, "more than ten years"),
        (10**5000, "thousands of digits"),
        ([10**5000, "years"], "thousands of digits"),
        ("9" * 50, "more than ten years"),
        ("9" * 10**6, "is not a duration"),
        ("5 fortnights", "use one of seconds, minutes"),
        ([5, "minuts"], 'did you mean "minutes"?'),
        ([5, 5], "has no unit"),
        ([5, None], "has no unit"),
        ([5, ""], "is not a unit of time"),
        ([5, "s" * 10**6], "is not a unit of time"),
        ([5], "is not a duration"),
        ([], "is not a duration"),
        ([5, "minutes", "more"], "is not a duration"),
        ([[5], "minutes"], "is not a duration"),
        ("", "is not a duration"),
        ("nan", "is not a duration"),
        ("infinity", "is not a duration"),
        ("five minutes", "is not a duration"),
        ("1_000", "is not a duration"),
        ("0x10", "is not a duration"),
        ("٣ days", "is not a duration"),
        ("5\x00 days", "is not a duration"),
        ("5 \ud800", "is not a duration"),
        (None, "is not a duration"),
        ({}, "is not a duration"),
        ({"amount": 5}, "is not a duration"),
        (b"5", "is not a duration"),
    ],
    ids=durations.shown,
)
def test_what_is_no_duration_is_refused_in_words(value: object, says: str) -> None:
    with pytest.raises(InvalidDuration) as refusal:
        durations.parse(value)
    message = str(refusal.value)
    assert says in message
    assert len(message) < 250
    assert message.isprintable()
    assert ": " in message  # after the colon, the remedy


def test_nesting_of_any_depth_is_refused_without_a_recursion_error() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested, "days"]
    with pytest.raises(InvalidDuration):
        durations.parse(nested)


@pytest.mark.parametrize(
    ("value", "anchor", "expected"),
    [
        ([1, "month"], "2026-01-31T09:00", "2026-02-28T09:00"),
        ([1, "month"], "2028-01-31T09:00", "2028-02-29T09:00"),
        ([2, "months"], "2026-01-31T09:00", "2026-03-31T09:00"),
        ([1, "month"], "2026-12-31T09:00", "2027-01-31T09:00"),
        ([1, "year"], "2028-02-29T09:00", "2029-02-28T09:00"),
        ([4, "years"], "2028-02-29T09:00", "2032-02-29T09:00"),
        ([0, "months"], "2026-01-31T09:00", "2026-01-31T09:00"),
        ([1, "week"], "2026-12-28T09:00", "2027-01-04T09:00"),
        ([1.5, "hours"], "2026-01-31T23:00", "2026-02-01T00:30"),
        # Half a month is half of the month it falls into, half a year is six months.
        ([0.5, "months"], "2026-02-01T00:00", "2026-02-15T00:00"),
        ([1.5, "months"], "2026-02-01T00:00", "2026-03-16T12:00"),
        ([0.5, "years"], "2026-08-31T00:00", "2027-02-28T00:00"),
        ([0.25, "years"], "2026-11-30T00:00", "2027-02-28T00:00"),
    ],
)
def test_months_and_years_go_by_the_calendar(value: object, anchor: str, expected: str) -> None:
    assert durations.parse(value).after(at(anchor)) == at(expected)


def test_multiples_are_counted_from_the_anchor_so_that_month_ends_do_not_wear_off() -> None:
    month, anchor = durations.parse([1, "month"]), at("2026-01-31T09:00")
    dates = [month.after(anchor, times=times).date().isoformat() for times in range(6)]
    assert dates == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]


def test_a_tenth_of_a_second_does_not_drift_in_a_year() -> None:
    tenth = durations.parse(0.1)
    assert tenth.after(NOW, times=10 * 86_400 * 365) == NOW + timedelta(days=365)


def test_a_month_in_a_zone_keeps_its_wall_clock_through_a_clock_change() -> None:
    anchor = datetime(2026, 2, 28, 9, tzinfo=LONDON)
    assert durations.parse([1, "month"]).after(anchor, zone=LONDON) == datetime(2026, 3, 28, 9, tzinfo=LONDON)
    assert durations.parse([2, "months"]).after(anchor, zone=LONDON) == at("2026-04-28T08:00")


def test_a_month_that_ends_in_a_skipped_hour_ends_when_the_gap_does() -> None:
    assert durations.parse([1, "month"]).after(at("2026-02-28T01:30") + timedelta(days=1)) == at("2026-04-01T01:30")
    anchor = datetime(2026, 1, 29, 1, 30, tzinfo=LONDON)
    assert durations.parse([2, "months"]).after(anchor, zone=LONDON) == at("2026-03-29T01:00")


def test_a_day_is_24_hours_whatever_the_clocks_do() -> None:
    anchor = datetime(2026, 3, 28, 12, tzinfo=LONDON)
    assert durations.parse([1, "day"]).after(anchor, zone=LONDON) == at("2026-03-29T12:00")


def test_results_are_in_utc_and_naive_moments_are_a_bug() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    for value in (0, 1, [0, "months"], [1, "month"]):
        assert durations.parse(value).after(moment).tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        durations.parse(5).after(NOW.replace(tzinfo=None))


@pytest.mark.parametrize("value", [[1, "second"], [1, "month"], [0.5, "years"]])
def test_a_multiple_beyond_the_calendar_is_refused_not_an_overflow(value: object) -> None:
    with pytest.raises(InvalidDuration, match="beyond the calendar"):
        durations.parse(value).after(NOW, times=10**15)


def test_nominal_and_shortest_seconds_say_how_long_it_is_without_a_calendar() -> None:
    assert durations.parse([1.5, "minutes"]).nominal_seconds == 90
    assert durations.parse([1, "year"]).nominal_seconds == 31_556_952
    assert durations.parse([1, "month"]).shortest_seconds == 28 * 86_400
    assert durations.parse("0.5").shortest_seconds == 0.5


def test_words_agree_in_number() -> None:
    assert [str(durations.parse(value)) for value in (1, 2, [1, "months"], 0.5)] == [
        "1 second",
        "2 seconds",
        "1 month",
        "0.5 seconds",
    ]


amounts = st.one_of(st.integers(0, 10), st.floats(0, 10, allow_subnormal=False))
known_durations = st.builds(lambda amount, unit: durations.parse([amount, unit]), amounts, st.sampled_from(UNITS))


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(known_durations)
def test_json_and_words_round_trip(duration: Duration) -> None:
    assert durations.parse(duration.as_json()) == duration
    assert durations.parse(json.loads(json.dumps(duration.as_json()))) == duration
    assert durations.parse(str(duration)) == duration


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(known_durations, st.integers(1, 50), st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_more_of_it_never_ends_earlier(duration: Duration, times: int, moment: datetime) -> None:
    anchor = moment.replace(tzinfo=UTC)
    first, second = (duration.after(anchor, times=count) for count in (times, times + 1))
    assert anchor <= first <= second
    if not duration.is_calendar:
        exact = Fraction(str(duration.amount)) * times * Fraction(durations.parse([1, duration.unit]).nominal_seconds)
        assert abs(Fraction((first - anchor) // timedelta(microseconds=1)) - exact * 1_000_000) < 1


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(UNITS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=5,
    )
)
def test_any_json_is_a_duration_or_refused(value: object) -> None:
    try:
        duration = durations.parse(value)
    except InvalidDuration:
        return
    assert duration.amount >= 0
    assert duration.after(NOW) <= NOW + timedelta(days=3653)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00"),
        ("2026-12-01T09:00:00+02:00", "2026-12-01T07:00"),
        ("2026-12-01T09:00", "2026-12-01T09:00"),
        ("2026-12-01 09:00", "2026-12-01T09:00"),
        (" 2026-12-01 ", "2026-12-01T00:00"),
        ("2026-12-01t09:00:00z", "2026-12-01T09:00"),
        ("2026-12-01 09:00:00.5-01:30", "2026-12-01T10:30:00.500"),
        ("2026-12-01T09:00:00.123456789Z", "2026-12-01T09:00:00.123456"),
        ("2026-12-01T09:00:00-00:00", "2026-12-01T09:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00"),
        ("2017-01-01T01:59:60+02:00", "2017-01-01T00:00"),
        ("1796115600.25", "2026-12-01T09:00:00.250"),
        ("1999-12-31T23:59:59Z", "1999-12-31T23:59:59"),
        (1_796_115_600, "2026-12-01T09:00"),
        (1_796_115_600.25, "2026-12-01T09:00:00.250"),
        (1_796_115_600_000, "2026-12-01T09:00"),
        (1_796_115_600_250, "2026-12-01T09:00:00.250"),
        ("1796115600", "2026-12-01T09:00"),
        ("1796115600000", "2026-12-01T09:00"),
        (0, "1970-01-01T00:00"),
    ],
)
def test_a_moment_is_a_datetime_or_a_timestamp_in_seconds_or_milliseconds(value: object, expected: str) -> None:
    assert durations.parse_moment(value, now=NOW) == at(expected)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2026-07-01T09:00", "2026-07-01T08:00"),
        ("2026-03-29T01:30", "2026-03-29T01:00"),  # skipped: when the gap ends
        ("2026-10-25T01:30", "2026-10-25T00:30"),  # twice: the first
        ("2026-07-01T09:00Z", "2026-07-01T09:00"),  # its own offset wins
    ],
)
def test_a_moment_without_an_offset_is_wall_time_in_the_zone(wall: str, expected: str) -> None:
    assert durations.parse_moment(wall, now=NOW, zone=LONDON) == at(expected)


@pytest.mark.parametrize(
    "value",
    [
        *(True, None, [], {}, b"2026-12-01"),
        *("", "soon", "12:00", "2026-13-01", "2026-02-30T00:00Z", "2026-12-01T09:00:00Zx", "2026-12-01T09:00\x00"),
        *("\u0662026-12-01", "2026-12-01\ud800", "9" * 10**6, "nan", "1e400"),
        *(float("nan"), float("inf"), -1, 10**18, 10**400, 10**5000),
        *("0001-01-01T00:00+10:00", "9999-12-31T23:59-10:00"),
        *("20270101120000Z", "20270101T120000Z", "2027-01-01+09:00", "2027-01-01-05:00", "2027-01-01Z", "20270101"),
        *("202701011200", "2027", "0", "5", "-1796115600", "1e9", "179611560", "17961156000", "1796115600 "[:9]),
        *("2027-12-01T09:007Z", "2027-12-01T09:00:00x", "2027-12-01T09:00+01:99", "2027-12-01T09:00+24:00"),
        *("2027-12-01_09:00", "2027-12-01x09:00", "2027-12-01  09:00", "2027-12-01\t09:00", "2027-12-01T"),
        *(
            "2027-W01-1",
            "2027-001",
            "2027-12",
            "2027-12-01T09",
            "2027-12-01T09Z",
            "2027-12-01T0900Z",
            "2027-12-01T09:00,5Z",
        ),
        *("2027-12-01T09:00:00,5Z", "2027-12-01T09:00+01", "2027-12-01T09:00+0100", "2027-12-01T09:00 +01:00"),
        *("2027-12-01T24:00", "2027-12-01T09:60", "2027-12-01T09:00:61", "2027-12-01T09:00:60Z", "+2027-12-01"),
        *("2027-12-01T09:00:00.Z", "2027-1-1", "27-01-01", "2027-12-01T09:00:00+01:00:00", "2027-12-01T9:00"),
    ],
    ids=durations.shown,
)
def test_what_is_no_moment_is_refused_in_words(value: object) -> None:
    with pytest.raises(InvalidMoment, match="write"):
        durations.parse_moment(value, now=NOW)


@pytest.mark.parametrize("value", ["2036-11-24T03:04:06Z", "9999-12-31", 99_999_999_999, 2_200_000_000_000])
def test_a_moment_more_than_ten_years_ahead_is_refused(value: object) -> None:
    with pytest.raises(InvalidMoment, match="more than ten years ahead"):
        durations.parse_moment(value, now=NOW)


def test_ten_years_ahead_to_the_second_is_taken() -> None:
    assert durations.parse_moment("2036-11-24T03:04:05Z", now=NOW) == at("2036-11-24T03:04:05")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["1e-999999999", "1.5e-99999999", "15" + "0" * 5_000 + "e-5001", "0." + "1" * 9_000])
def test_a_number_that_is_written_at_length_costs_nothing(text: str) -> None:
    number = exact_json.loads(text)
    assert durations.parse(number).nominal_seconds == float(text)
    assert durations.parse_moment(number, now=NOW) - datetime(1970, 1, 1, tzinfo=UTC) < timedelta(seconds=2)
