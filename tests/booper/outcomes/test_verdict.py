"""Verdicts: what becomes of a job or a delivery after one attempt."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from booper.outcomes import verdict
from booper.outcomes.outcome import Failure, Outcome, Response
from booper.outcomes.verdict import Kind, Verdict

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
DAY_SECONDS = 86_400.0


def answered(status: int, **headers: str) -> Outcome:
    """An answer; `Retry_After="5"` is the header Retry-After."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Outcome(response=Response(status, pairs, b"", truncated=False), failure=None, duration_ms=12)


def failed(code: str = "timeout", message: str = "no answer from example.com:443 in 30 s") -> Outcome:
    return Outcome(response=None, failure=Failure(code, message), duration_ms=12)


def decide(
    outcome: Outcome,
    *,
    attempt: int = 1,
    max_attempts: int = 5,
    backoff_seconds: Sequence[float] | None = None,
    chance: float = 0.0,
) -> Verdict:
    return verdict.decide(
        outcome,
        attempt=attempt,
        max_attempts=max_attempts,
        backoff_seconds=backoff_seconds,
        now=NOW,
        random=lambda: chance,
    )


def decide_delivery(
    outcome: Outcome, *, attempt: int = 1, age: timedelta = timedelta(0), chance: float = 0.0
) -> Verdict:
    return verdict.decide_delivery(outcome, attempt=attempt, first_at=NOW - age, now=NOW, random=lambda: chance)


def wait_seconds(decided: Verdict) -> float:
    assert decided.kind is Kind.RETRY
    assert decided.retry_at is not None
    return (decided.retry_at - NOW).total_seconds()


@pytest.mark.parametrize("status", [200, 201, 204, 226, 299])
def test_any_2xx_succeeds_and_has_nothing_to_explain(status: int) -> None:
    assert decide(answered(status)) == Verdict(Kind.SUCCEED)


def test_a_2xx_succeeds_whatever_its_headers_say() -> None:
    assert decide(answered(200, Booper_No_Retry="true", Retry_After="60")).kind is Kind.SUCCEED


def test_a_2xx_succeeds_on_the_last_attempt() -> None:
    assert decide(answered(200), attempt=5, max_attempts=5).kind is Kind.SUCCEED


@pytest.mark.parametrize("status", [100, 199, 300, 304, 400, 401, 404, 408, 429, 500, 502, 503, 599, 999])
def test_any_other_status_is_retried(status: int) -> None:
    assert decide(answered(status)).kind is Kind.RETRY


@pytest.mark.parametrize("code", ["timeout", "dns", "tls", "blocked_address", "invalid_request"])
def test_no_answer_is_retried_and_keeps_its_code_and_message(code: str) -> None:
    decided = decide(failed(code, "the reason"))

    assert (decided.kind, decided.code, decided.message) == (Kind.RETRY, code, "the reason")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (503, "the target answered 503 Service Unavailable"),
        (404, "the target answered 404 Not Found"),
        (599, "the target answered 599"),
        (301, "the target answered 301 Moved Permanently, and redirects are not followed: use the final URL"),
        (304, "the target answered 304 Not Modified"),
    ],
)
def test_a_bad_status_is_named(status: int, message: str) -> None:
    decided = decide(answered(status))

    assert (decided.code, decided.message) == ("http_status", message)


@pytest.mark.parametrize("outcome", [answered(503), failed()])
def test_the_last_attempt_gives_up_with_its_own_reason(outcome: Outcome) -> None:
    earlier, last = decide(outcome, attempt=4), decide(outcome, attempt=5)

    assert earlier.kind is Kind.RETRY
    assert last == Verdict(Kind.GIVE_UP, code=earlier.code, message=earlier.message)


def test_more_attempts_than_allowed_give_up_too() -> None:
    assert decide(failed(), attempt=9, max_attempts=5).kind is Kind.GIVE_UP


def test_410_gives_up_at_once() -> None:
    decided = decide(answered(410, Retry_After="5"))

    assert (decided.kind, decided.retry_at) == (Kind.GIVE_UP, None)
    assert decided.message == "the target answered 410 Gone, which is never retried"


@pytest.mark.parametrize("value", ["true", "TRUE", " True "])
def test_booper_no_retry_gives_up_at_once(value: str) -> None:
    decided = decide(answered(503, BOOPER_no_retry=value))

    assert decided.kind is Kind.GIVE_UP
    assert decided.message == "the target answered 503 Service Unavailable, with Booper-No-Retry: true"


@pytest.mark.parametrize("value", ["false", "", "0", "yes", "1"])
def test_booper_no_retry_means_only_true(value: str) -> None:
    assert decide(answered(503, Booper_No_Retry=value)).kind is Kind.RETRY


@pytest.mark.parametrize(
    ("attempt", "least", "most"),
    [
        (1, 7.5, 15),
        (2, 15, 30),
        (3, 30, 60),
        (4, 60, 120),
        (8, 960, 1920),
        (9, 1800, 3600),
        (10, 1800, 3600),
        (100, 1800, 3600),
        (10_000, 1800, 3600),
    ],
)
def test_the_wait_doubles_up_to_an_hour_and_half_of_it_is_chance(attempt: int, least: float, most: float) -> None:
    assert wait_seconds(decide(failed(), attempt=attempt, max_attempts=20_000, chance=0.0)) == least
    assert wait_seconds(decide(failed(), attempt=attempt, max_attempts=20_000, chance=1.0)) == most


def test_the_wait_differs_from_job_to_job_without_a_given_chance() -> None:
    waits = {verdict.next_wait_seconds(1, backoff_seconds=None) for _ in range(20)}

    assert len(waits) > 1
    assert all(7.5 <= wait <= 15 for wait in waits)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 60.5), (3, 3600), (4, 3600), (50, 3600)])
def test_a_backoff_of_the_job_is_kept_to_the_letter(attempt: int, seconds: float) -> None:
    decided = decide(failed(), attempt=attempt, max_attempts=100, backoff_seconds=[1, 60.5, 3600], chance=0.7)

    assert wait_seconds(decided) == seconds


def test_an_empty_backoff_is_the_default_curve() -> None:
    assert wait_seconds(decide(failed(), backoff_seconds=[])) == 7.5


@pytest.mark.parametrize(("backoff", "seconds"), [(0, 1), (0.99, 1), (1, 1), (1.01, 1.01)])
def test_a_backoff_below_a_second_is_a_second(backoff: float, seconds: float) -> None:
    assert wait_seconds(decide(failed(), backoff_seconds=[backoff])) == seconds


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
@pytest.mark.parametrize("backoff_seconds", [None, [1.0], [9999.0]])
def test_retry_after_takes_the_place_of_the_wait_on_any_failed_answer(
    status: int, backoff_seconds: list[float] | None
) -> None:
    assert wait_seconds(decide(answered(status, retry_AFTER="90"), backoff_seconds=backoff_seconds)) == 90


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 1),
        ("007", 7),
        (" 5 ", 5),
        ("86400", DAY_SECONDS),
        ("86401", DAY_SECONDS),
        ("9" * 10_000, DAY_SECONDS),
        ("0" * 10_000 + "3", 3),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120),
        ("Thursday, 01-Jan-26 12:02:00 GMT", 120),
        ("Thu Jan  1 12:02:00 2026", 120),
        ("Thu, 01 Jan 2026 11:59:59 GMT", 1),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY_SECONDS),
    ],
)
def test_retry_after_is_seconds_or_a_date_from_a_second_to_a_day(value: str, seconds: float) -> None:
    assert wait_seconds(decide(answered(503, Retry_After=value))) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "+5",
        "1.5",
        "1e3",
        "٣",
        "5 seconds",
        "2026-01-01T12:02:00Z",
        "Thu, 99 Foo 2026 12:00:00 GMT",
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "\x00",
    ],
)
def test_a_retry_after_that_says_nothing_is_ignored(value: str) -> None:
    assert wait_seconds(decide(answered(503, Retry_After=value))) == 7.5


def test_the_first_retry_after_that_says_something_counts() -> None:
    headers = (("Retry-After", "soon"), ("Retry-After", "20"), ("Retry-After", "40"))
    outcome = Outcome(response=Response(503, headers, b"", truncated=False), failure=None, duration_ms=1)

    assert wait_seconds(decide(outcome)) == 20


def test_retry_after_does_not_prolong_the_attempts() -> None:
    assert decide(answered(503, Retry_After="5"), attempt=5).kind is Kind.GIVE_UP


def test_the_retry_is_in_the_zone_of_now() -> None:
    zone = timezone(timedelta(hours=2))
    decided = verdict.decide(
        answered(503, Retry_After="Thu, 01 Jan 2026 12:02:00 GMT"),
        attempt=1,
        max_attempts=2,
        backoff_seconds=None,
        now=NOW.astimezone(zone),
    )

    assert decided.retry_at == NOW + timedelta(seconds=120)
    assert decided.retry_at.tzinfo is zone


def test_the_kind_is_a_word() -> None:
    assert [f"{kind}" for kind in Kind] == ["succeed", "retry", "give_up"]


def test_an_accepted_delivery_succeeds_even_after_its_day() -> None:
    assert decide_delivery(answered(204), age=timedelta(days=2)) == Verdict(Kind.SUCCEED)


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 7200), (8, 14_400), (30, 14_400)],
)
def test_a_delivery_waits_its_turn_and_up_to_a_tenth_more(attempt: int, seconds: float) -> None:
    assert wait_seconds(decide_delivery(failed(), attempt=attempt, chance=0.0)) == seconds
    assert wait_seconds(decide_delivery(failed(), attempt=attempt, chance=1.0)) == pytest.approx(seconds * 1.1)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_delivery_is_tried_for_a_day_and_a_last_time_when_it_ends(chance: float) -> None:
    at, attempt, moments = NOW, 1, [NOW]
    while True:
        decided = verdict.decide_delivery(failed(), attempt=attempt, first_at=NOW, now=at, random=lambda: chance)
        if decided.retry_at is None:
            break
        assert decided.retry_at > at
        at, attempt = decided.retry_at, attempt + 1
        moments.append(at)

    assert decided.kind is Kind.GIVE_UP
    assert decided.code == "timeout"
    assert moments[-1] == NOW + timedelta(days=1)
    assert 12 <= len(moments) <= 14


def test_retry_after_moves_a_delivery_but_not_beyond_its_day() -> None:
    assert wait_seconds(decide_delivery(answered(503, Retry_After="77"))) == 77
    assert wait_seconds(decide_delivery(answered(503, Retry_After="7200"), age=timedelta(hours=23))) == 3600


@pytest.mark.parametrize("value", ["0", "1", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_a_receiver_that_asks_to_be_tried_at_once_is_tried_in_five_seconds(value: str) -> None:
    assert wait_seconds(decide_delivery(answered(503, Retry_After=value))) == 5


@pytest.mark.parametrize("outcome", [answered(410), answered(500, Booper_No_Retry="true")])
def test_a_receiver_can_end_a_delivery_at_once(outcome: Outcome) -> None:
    assert decide_delivery(outcome).kind is Kind.GIVE_UP
