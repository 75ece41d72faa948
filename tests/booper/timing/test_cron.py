"""Reading cron expressions as crontab.guru does, saying them in words, and refusing what is none."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.timing import cron, cron_words
from booper.timing.cron import InvalidCron

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(expression: str, *, after: datetime, zone: ZoneInfo, count: int) -> list[str]:
    found = []
    for _ in range(count):
        match = cron.next_match(expression, after=after, zone=zone)
        assert match is not None
        found.append(match.astimezone(zone).isoformat(timespec="minutes"))
        after = match
    return found


@pytest.mark.parametrize(
    ("expression", "same_as"),
    [
        ("0 9 * * MON-FRI", "0 9 * * 1-5"),
        ("0 9 * * mon,Wed,FRI", "0 9 * * 1,3,5"),
        ("0 0 1 jan-MAR *", "0 0 1 1-3 *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * FRI-SUN", "0 0 * * 0,5,6"),
        ("0 0 * * 5-0", "0 0 * * 0,5,6"),
        ("0 0 * * SUN-WED", "0 0 * * 0-3"),
        ("0 0 * * 1-7", "0 0 * * 0-6"),
        ("0 0 * * MON-FRI/2", "0 0 * * 1,3,5"),
        ("5/15 * * * *", "5,20,35,50 * * * *"),
        ("3-3/5 * * * *", "3 * * * *"),
        ("1-10/4 * * * *", "1,5,9 * * * *"),
        ("05,5,5-5 007 * * *", "5 7 * * *"),
        ("\t0  9\t* * 1-5 \n", "0 9 * * 1-5"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@YEARLY", "0 0 1 1 *"),
        (" @annually ", "0 0 1 1 *"),
    ],
)
def test_different_spellings_are_one_rule(expression: str, same_as: str) -> None:
    one, other = cron.parse(expression), cron.parse(same_as)
    assert (one.minutes, one.hours, one.days) == (other.minutes, other.hours, other.days)
    assert (one.months, one.weekdays) == (other.months, other.weekdays)
    assert (one.runs_either_day, one.is_wildcard) == (other.runs_either_day, other.is_wildcard)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "0 fields: write five"),
        ("   ", "0 fields: write five"),
        ("* * * *", "4 fields: write five"),
        ("99 0 9 2027 * *", "with seconds as the first of six, leave those out"),
        ("0 0 12 * * * 2027", "with seconds as the first and years as the last of seven"),
        ("0 0 ? * MON", "? is * elsewhere, write *"),
        ("0 L * * *", "'L' is not an hour: L, W and # are for the day fields, use 0 to 23"),
        ("0 0 1 1#2 *", "L, W and # are for the day fields"),
        ("15W 0 * * *", "L, W and # are for the day fields"),
        ("0 25h * * *", "'25h' is not an hour"),
        ("60 * * * *", "'60' is out of range for the minute: use 0 to 59"),
        ("* 24 * * *", "use 0 to 23"),
        ("* * 0 * *", "use 1 to 31"),
        ("* * 32 * *", "use 1 to 31"),
        ("* * * 0 *", "use 1 to 12 or JAN to DEC"),
        ("* * * 13 *", "use 1 to 12 or JAN to DEC"),
        ("* * * * 8", "use 0 to 7 or SUN to SAT"),
        ("* * * * 1-8", "use 0 to 7 or SUN to SAT"),
        ("* * * * MONDAY", "'MONDAY' is not a day of the week"),
        ("JAN * * * *", "'JAN' is not a minute"),
        ("* * JAN * *", "'JAN' is not a day of the month"),
        ("* * * MON *", "'MON' is not a month"),
        ("*/0 * * * *", "has a step of 0"),
        ("1-5/0 * * * *", "has a step of 0"),
        ("* 22-4 * * *", "runs backwards: write 22-23,0-4"),
        ("* * * * 5-2", "runs backwards"),
        ("* * * * thu-tue/2", "runs backwards: write 4,6,1"),
        ("* * * * 7-3/2", "runs backwards: write 0,2"),
        ("50-10/5 * * * *", "runs backwards: write 50,55,0,5,10"),
        ("* * * NOV-FEB/2 *", "runs backwards: write 11,1"),
        ("* * * * 7-3", "runs backwards"),
        ("* * * NOV-FEB *", "runs backwards: write NOV-12,1-FEB"),
        ("1,,2 * * * *", "'' is not a minute"),
        (", * * * *", "'' is not a minute"),
        ("1- * * * *", "is not a minute"),
        ("-1 * * * *", "is not a minute"),
        ("+1 * * * *", "is not a minute"),
        ("1-2-3 * * * *", "is not a minute"),
        ("*-5 * * * *", "is not a minute"),
        ("** * * * *", "is not a minute"),
        ("*/ * * * *", "is not a minute"),
        ("*/2/3 * * * *", "is not a minute"),
        ("*/x * * * *", "is not a minute"),
        ("1.5 * * * *", "is not a minute"),
        ("1_0 * * * *", "is not a minute"),
        ("0x1 * * * *", "is not a minute"),
        ("0 0 ? * *", "is not a day of the month"),
        ("0 0 L-3 * *", "write L for the last day, LW for the last workday, 15W for the workday nearest to the 15th"),
        ("0 0 1L * *", "write L for the last day"),
        ("0 0 0W * *", "'0' is out of range for the day of the month: use 1 to 31"),
        ("0 0 32W * *", "'32' is out of range for the day of the month: use 1 to 31"),
        ("0 0 31W 4 *", "never matches: no month it names has such a day"),
        ("0 0 * * L", "write 5L for the last Friday of the month, 2#1 for its first Tuesday"),
        ("0 0 * * 8L", "'8' is out of range for the day of the week: use 0 to 7 or SUN to SAT"),
        ("0 0 * * 5#0", "'5#0' is out of range: a month has a weekday 1 to 5 times, as in 2#1"),
        ("0 0 * * 5#6", "'5#6' is out of range: a month has a weekday 1 to 5 times, as in 2#1"),
        ("0 0 * * FOO#1", "'FOO' is not a day of the week"),
        ("0 0 1W,2W,3W,4W,5W,6W,7W,8W,9W,10W,11W * *", "the day of the month has 11 of L, W and #: 10 are the most"),
        ("@reboot", "never boots: use @hourly"),
        ("@every soon", "is not known: use @hourly"),
        ("@", "is not known"),
        ("@daily extra", "is not known"),
        ("0 0 30 2 *", "never matches"),
        ("0 0 31 2 *", "never matches"),
        ("0 0 31 4,6,9,11 *", "never matches"),
        ("0 0 30-31 FEB */2", "never matches"),
        (f"{'9' * 100} * * * *", "out of range"),
        (f"*/{'9' * 100} * * * *", "is not a minute"),
        (",".join(["1"] * 10**6) + " * * * *", "512 are enough"),
        ("* " * 10**6, "512 are enough"),
        ("\u0661 * * * *", "not cron's"),
        ("0\u00a09 * * *", "not cron's"),
        ("0 9 * * \uff11", "not cron's"),
        ("0 9 * * \u202e1", "not cron's"),
        ("0 9 * * 1\x00", "not cron's"),
        ("0 9 *\n* 1", "not cron's"),
        ("0 9 * * \ud800", "not cron's"),
        ("\u017fun * * * *", "not cron's"),
        (None, "not a cron expression"),
        (5, "not a cron expression"),
        (["0 9 * * *"], "not a cron expression"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.timeout(10)
def test_what_is_no_cron_expression_is_refused_in_words_and_at_once(expression: str, says: str) -> None:
    with pytest.raises(InvalidCron) as refusal:
        cron.parse(expression)
    message = str(refusal.value)
    assert says in message
    assert ": " in message  # after the colon, the remedy
    assert len(message) < 250
    assert message.isprintable()


@pytest.mark.parametrize("expression", ["0 0 30 2 1", "0 0 31 4 FRI", "0 0 29 2 *", "0 0 29 2 */7", "0 0 31 */2 *"])
def test_what_matches_seldom_is_not_refused(expression: str) -> None:
    assert cron.next_match(expression, after=at("2026-03-01")) is not None


def test_a_leap_day_on_a_sunday_is_found_across_a_century_without_one() -> None:
    # 2100 is no leap year: after 2088 it takes 40 years.
    assert cron.next_match("0 0 29 2 */7", after=at("2088-02-29")) == at("2128-02-29")


def test_a_match_is_strictly_after_to_the_microsecond() -> None:
    nine = at("2026-11-24T09:00")
    assert cron.next_match("0 9 * * *", after=nine - timedelta(microseconds=1)) == nine
    assert cron.next_match("0 9 * * *", after=nine) == nine + timedelta(days=1)
    assert cron.next_match("0 9 * * *", after=nine + timedelta(microseconds=1)) == nine + timedelta(days=1)


def test_the_answer_is_in_utc_and_the_same_whatever_zone_the_question_is_in() -> None:
    after = at("2026-11-24T09:00")
    for zone in (UTC, LONDON, NEW_YORK, timezone(timedelta(hours=5, minutes=45))):
        match = cron.next_match("30 9 * * *", after=after.astimezone(zone), zone=NEW_YORK)
        assert match == at("2026-11-24T14:30")
        assert match.tzinfo is UTC
    assert cron.next_match("30 9 * * *", after=after, zone=ZoneInfo("UTC")) == cron.next_match(
        "30 9 * * *", after=after
    )


def test_a_naive_moment_is_a_bug() -> None:
    with pytest.raises(ValueError, match="aware"):
        cron.next_match("* * * * *", after=at("2026-11-24").replace(tzinfo=None))


def test_the_calendar_ends_quietly() -> None:
    assert cron.next_match("0 0 1 1 *", after=datetime.max.replace(tzinfo=UTC)) is None
    assert cron.next_match("0 0 29 2 *", after=at("9990-01-01")) is None


def test_a_skipped_time_runs_once_when_the_gap_ends() -> None:
    # 01:00 to 01:59 do not exist in London on 29 March 2026.
    daily = runs("30 1 * * *", after=at("2026-03-28"), zone=LONDON, count=3)
    assert daily == ["2026-03-28T01:30+00:00", "2026-03-29T02:00+01:00", "2026-03-30T01:30+01:00"]
    # Three skipped times and the one that is there meet in one run.
    several = runs("0,20,40 1-2 * * *", after=at("2026-03-29"), zone=LONDON, count=3)
    assert several == ["2026-03-29T02:00+01:00", "2026-03-29T02:20+01:00", "2026-03-29T02:40+01:00"]


def test_a_time_that_comes_twice_runs_the_first_time() -> None:
    daily = runs("30 1 * * *", after=at("2026-10-24"), zone=LONDON, count=3)
    assert daily == ["2026-10-24T01:30+01:00", "2026-10-25T01:30+01:00", "2026-10-26T01:30+00:00"]


def test_the_second_pass_of_an_hour_does_not_run_what_the_first_has_run() -> None:
    # 01:15 for the second time: a search that starts in wall time would answer with an instant gone by.
    assert cron.next_match("30 1 * * *", after=at("2026-10-25T01:15"), zone=LONDON) == at("2026-10-26T01:30")


def test_an_hourly_job_runs_every_hour_through_both_changes() -> None:
    for start in ("2026-03-28T22:15", "2026-10-24T22:15"):
        after = at(start)
        for _ in range(8):
            match = cron.next_match("15 * * * *", after=after, zone=LONDON)
            assert match == after + timedelta(hours=1)
            after = match


def test_two_datetimes_of_one_zone_are_not_compared_by_their_wall_time() -> None:
    second_pass = datetime(2026, 10, 25, 1, 40, tzinfo=LONDON, fold=1)
    assert cron.next_match("*/30 * * * *", after=second_pass, zone=LONDON) == at("2026-10-25T02:00")
    first_pass = second_pass.replace(fold=0)
    assert cron.next_match("*/30 * * * *", after=first_pass, zone=LONDON) == at("2026-10-25T01:00")


def test_a_day_that_does_not_exist_is_caught_up_when_the_next_begins() -> None:
    # Samoa went from 29 to 31 December 2011.
    apia = ZoneInfo("Pacific/Apia")
    assert runs("0 9 * * *", after=at("2011-12-29T12:00"), zone=apia, count=3) == [
        "2011-12-29T09:00-10:00",
        "2011-12-31T00:00+14:00",
        "2011-12-31T09:00+14:00",
    ]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 * * 1-5", "at 09:00 on weekdays"),
        ("0 9 * * *", "at 09:00 every day"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0-59/5 * * * *", "every 5 minutes"),
        ("*/90 * * * *", "every hour"),
        ("0 * * * *", "every hour"),
        ("15 * * * *", "at 15 minutes past every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 */2 * * *", "at 30 minutes past every 2nd hour"),
        ("*/10 */2 * * *", "every 10 minutes of every 2nd hour"),
        ("*/5 9-17 * * MON-FRI", "every 5 minutes from 09:00 to 17:59 on weekdays"),
        ("* 9-10,14 * * *", "every minute from 09:00 to 10:59 and 14:00 to 14:59"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("0,7 1-12 * * *", "at 0 and 7 minutes past the hour from 01:00 to 12:59"),
        ("0 9,13,17 * * *", "at 09:00, 13:00 and 17:00 every day"),
        ("30 8 * * 0,6", "at 08:30 on weekends"),
        ("0 0 * * FRI-SUN", "at 00:00 on Friday, Saturday and Sunday"),
        ("0 0 1 * *", "at 00:00 on the 1st of the month"),
        ("0 0 29 2 *", "at 00:00 on the 29th of February"),
        ("0 0 1-7,22,31 * *", "at 00:00 on the 1st to 7th, 22nd and 31st of the month"),
        ("0 0 */10 * *", "at 00:00 on every 10th day from the 1st of the month"),
        ("0 0 * 1,6 *", "at 00:00 every day in January and June"),
        ("0 0 * 6 MON", "at 00:00 on Monday in June"),
        ("0 0 13 * FRI", "at 00:00 on the 13th of the month and on Friday"),
        ("0 0 1-7 * */7", "at 00:00 on the 1st to 7th of the month if it falls on Sunday"),
        ("0 0 */15 * 1-5", "at 00:00 on every 15th day from the 1st of the month if it falls on a weekday"),
        ("0 0 1-31 * MON", "at 00:00 every day"),
        ("@yearly", "at 00:00 on the 1st of January"),
    ],
)
def test_an_expression_is_said_in_words(expression: str, words: str) -> None:
    assert cron_words.describe(expression, zone_name="Europe/London") == f"{words}, Europe/London"


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high).map(str)
    term = st.one_of(
        value,
        st.just("*"),
        st.integers(1, 99).map(lambda step: f"*/{step}"),
        st.tuples(value, st.integers(1, 99)).map(lambda parts: f"{parts[0]}/{parts[1]}"),
        st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    )
    return st.lists(term, min_size=1, max_size=4).map(",".join)


expressions = st.tuples(fields(0, 59), fields(0, 23), fields(1, 28), fields(1, 12), fields(0, 7)).map(" ".join)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(expressions)
def test_the_fields_in_numbers_read_back_as_the_same_rule(expression: str) -> None:
    rule = cron.parse(expression)
    again = cron.parse(" ".join(rule.fields))
    assert (again.minutes, again.hours, again.days) == (rule.minutes, rule.hours, rule.days)
    assert (again.months, again.weekdays) == (rule.months, rule.weekdays)
    assert (again.runs_either_day, again.is_wildcard) == (rule.runs_either_day, rule.is_wildcard)
    assert again.fields == rule.fields
    assert max(len(field) for field in rule.fields) <= 170


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(expressions, st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001 - made aware below
def test_matches_are_whole_minutes_after_and_in_order(expression: str, moment: datetime) -> None:
    after = moment.replace(tzinfo=UTC)
    for _ in range(3):
        match = cron.next_match(expression, after=after, zone=LONDON)
        assert match is not None
        assert match > after
        assert (match.second, match.microsecond) == (0, 0)
        # Asked from just before it, or from anywhere between, the answer is the same.
        assert cron.next_match(expression, after=after + (match - after) / 2, zone=LONDON) == match
        assert cron.next_match(expression, after=match - timedelta(microseconds=1), zone=LONDON) == match
        after = match


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.one_of(st.text(max_size=40), st.text("0123456789*,-/ @MONJ", max_size=40)))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        rule = cron.parse(text)
    except InvalidCron:
        return
    assert cron.next_match(rule, after=at("2026-01-01")) is not None
    assert cron_words.describe(rule)


@pytest.mark.timeout(10)
def test_a_match_is_found_without_a_walk_through_the_minutes() -> None:
    after = at("2026-11-24T03:04")
    for expression in ("0 9 * * 1-5", "*/5 * * * *", "0 0 1 * *", "0 0 29 2 *"):
        for _ in range(2_000):
            assert cron.next_match(expression, after=after, zone=LONDON) is not None


@pytest.mark.parametrize(
    ("expression", "fields", "words"),
    [
        ("0 9 l * *", "0 9 L * *", "at 09:00 on the last day of the month, UTC"),
        ("0 9 LW * *", "0 9 LW * *", "at 09:00 on the last workday of the month, UTC"),
        ("0 9 1,15w 3 *", "0 9 1,15W 3 *", "at 09:00 on the 1st and workday nearest to the 15th of March, UTC"),
        ("0 9 * * fril", "0 9 * * 5L", "at 09:00 on the last Friday of the month, UTC"),
        ("0 9 * * 7#1,1", "0 9 * * 1,0#1", "at 09:00 on Monday and the 1st Sunday of the month, UTC"),
        (
            "0 9 L * 2#1",
            "0 9 L * 2#1",
            "at 09:00 on the last day of the month and on the 1st Tuesday of the month, UTC",
        ),
    ],
)
def test_the_signs_of_day_fields_read_back_as_written_and_are_said_in_words(
    expression: str, fields: str, words: str
) -> None:
    assert " ".join(cron.parse(expression).fields) == " ".join(cron.parse(fields).fields) == fields
    assert cron_words.describe(expression) == words


def test_the_longest_list_of_signs_fits_the_columns_of_an_entry() -> None:
    days = ",".join(f"{day}W" for day in range(22, 32)) + "," + ",".join(str(day) for day in range(1, 32, 2))
    weekdays = ",".join(f"{day}#{nth}" for day in range(5) for nth in (1, 2)) + ",0,2,4,6"
    fields = cron.parse(f"0 0 {days} * {weekdays}").fields
    assert len(fields[2]) <= 124
    assert len(fields[4]) <= 64
