"""An outcome becomes a verdict: succeed, retry at a time, or give up, and the words its owner reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from random import random as uniform

from booper.outcomes import steering
from booper.outcomes.expectations import UNEXPECTED, Expectation, Said
from booper.outcomes.outcome import Outcome, Response
from booper.outcomes.steering import Wishes

FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 3600.0
SHORTEST_WAIT_SECONDS = 1.0
"""Whoever asks for less: a target that answers at once would be asked a hundred times in a moment."""
LONGEST_RETRY_AFTER_SECONDS = 86_400.0

DELIVERY_WAITS_SECONDS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0)
"""Waits after a delivery's first, second, … failed attempt; the last is repeated until its day is over."""
DELIVERY_LIFETIME = timedelta(days=1)
DELIVERY_SHORTEST_WAIT_SECONDS = 5.0
"""Jobs have a number of attempts, deliveries a day: with `Retry-After: 0` that would be a day without a pause."""

HTTP_STATUS = "http_status"
"""The code of every failure in which the target did answer; without an answer it is that of the `Failure`."""

NOTHING_SAID = Said()

_GONE = 410


class Kind(StrEnum):
    SUCCEED = "succeed"
    RETRY = "retry"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a job or a delivery after one attempt."""

    kind: Kind
    retry_at: datetime | None = None
    """Set for RETRY alone, in the zone of the `now` that was given; never before that `now`."""
    code: str | None = None
    """Why the attempt failed, for programs; None when it succeeded."""
    message: str | None = None
    """Why the attempt failed, for people; None when it succeeded."""
    wishes: Wishes = steering.NONE
    """What the answer asked for beside that."""


_SUCCEEDED = Verdict(Kind.SUCCEED)


def decide(
    outcome: Outcome,
    *,
    attempt: int,
    max_attempts: int,
    backoff_seconds: Sequence[float] | None,
    now: datetime,
    expectation: Expectation | None = None,
    said: Said = NOTHING_SAID,
    random: Callable[[], float] = uniform,
) -> Verdict:
    """What becomes of a job after its attempt number `attempt`, counted from 1, ended at `now` in `outcome`.

    Any 2xx succeeds, whatever its headers say, or what meets the `expectation`, unless it asks to count as failed.
    Everything else is a failed attempt, retried while attempts are left:
    a blocked address and a request that could not be built too, as a name is judged anew at every attempt and a dynamic
    field may have another value by then. 410, `Booper-No-Retry: true` and `$stop` give up at once. `$retry_in` or
    `Retry-After` takes the place of the wait, in either direction: the target knows best, but for less than
    SHORTEST_WAIT_SECONDS. `said` is what the answer's body says.
    """
    reason = _why_failed(outcome, expectation, said)
    wishes = steering.of(said, has_succeeded=reason is None, now=now)
    if reason is None and wishes is steering.NONE:
        return _SUCCEEDED
    reason = reason or wishes.failure
    if reason is None:
        return Verdict(Kind.SUCCEED, wishes=wishes)
    code, message = reason
    refusal = _refusal(outcome.response) or ("and asked for no more attempts" if wishes.stops else None)
    if refusal:
        return Verdict(Kind.GIVE_UP, code=code, message=f"{message}, {refusal}", wishes=wishes)
    if attempt >= max_attempts:
        return Verdict(Kind.GIVE_UP, code=code, message=message, wishes=wishes)
    wait_seconds = wishes.retry_in_seconds
    if wait_seconds is None:
        wait_seconds = _retry_after_seconds(outcome.response, now=now)
    if wait_seconds is None:
        wait_seconds = next_wait_seconds(attempt, backoff_seconds=backoff_seconds, random=random)
    retry_at = now + timedelta(seconds=max(wait_seconds, SHORTEST_WAIT_SECONDS))
    return Verdict(Kind.RETRY, retry_at=retry_at, code=code, message=message, wishes=wishes)


def decide_delivery(
    outcome: Outcome,
    *,
    attempt: int,
    first_at: datetime,
    now: datetime,
    random: Callable[[], float] = uniform,
) -> Verdict:
    """What becomes of a callback or webhook after its attempt number `attempt`, counted from 1, ended at `now`.

    `first_at` is when its first attempt began. It is retried for a day from then: the last attempt is made when the day
    ends, even where the schedule or a `Retry-After` would be later, and none begins within 5 s of the one before. What
    ends a job at once ends a delivery at once.
    """
    if _has_succeeded(outcome):
        return Verdict(Kind.SUCCEED)
    code, message = _reason(outcome)
    if refusal := _refusal(outcome.response):
        return Verdict(Kind.GIVE_UP, code=code, message=f"{message}, {refusal}")
    ends_at = first_at + DELIVERY_LIFETIME
    if now >= ends_at:
        return Verdict(Kind.GIVE_UP, code=code, message=message)
    wait_seconds = _retry_after_seconds(outcome.response, now=now)
    if wait_seconds is None:
        # Up to a tenth later: what piled up while a receiver was down must not fall on it in one instant.
        wait_seconds = _entry(DELIVERY_WAITS_SECONDS, attempt) * (1 + random() / 10)
    wait_seconds = max(wait_seconds, DELIVERY_SHORTEST_WAIT_SECONDS)
    retry_at = min(now + timedelta(seconds=wait_seconds), ends_at)
    return Verdict(Kind.RETRY, retry_at=retry_at, code=code, message=message)


def next_wait_seconds(
    attempt: int, *, backoff_seconds: Sequence[float] | None, random: Callable[[], float] = uniform
) -> float:
    """How long to wait after attempt number `attempt`, counted from 1, failed without saying when to come back.

    With `backoff_seconds` it is the entry of that attempt, the last one repeated, to the letter: whoever names the
    waits gets them. Without, it is exponential with equal jitter: half of min(1 h, 15 s * 2 ** (attempt - 1)) for sure
    and the other half by chance. Five attempts then take two to four minutes in all, which outlasts a deploy; ten take
    one to two hours; and of many jobs that failed in one instant no two need come back in one.
    """
    if backoff_seconds:
        return _entry(backoff_seconds, attempt)
    doublings = min(attempt - 1, 30)  # far beyond the cap, and small enough for a float
    wait_seconds = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**doublings)
    return wait_seconds / 2 + random() * wait_seconds / 2


def _entry(waits_seconds: Sequence[float], attempt: int) -> float:
    return waits_seconds[min(attempt, len(waits_seconds)) - 1]


def _why_failed(outcome: Outcome, expectation: Expectation | None, said: Said) -> tuple[str, str] | None:
    if expectation is None or outcome.response is None:
        return None if _has_succeeded(outcome) else _reason(outcome)
    unmet = expectation.unmet(outcome, said)
    return None if unmet is None else (UNEXPECTED, unmet)


def _has_succeeded(outcome: Outcome) -> bool:
    return outcome.response is not None and 200 <= outcome.response.status < 300


def _reason(outcome: Outcome) -> tuple[str, str]:
    """Code and message of a failed outcome."""
    if outcome.response is not None:
        status = outcome.response.status
        return HTTP_STATUS, f"the target answered {_with_phrase(status)}{_redirect_remedy(status)}"
    assert outcome.failure is not None  # an Outcome has one of the two
    return outcome.failure.code, outcome.failure.message


def _with_phrase(status: int) -> str:
    """`503 Service Unavailable`, or the bare number for a status that has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect_remedy(status: int) -> str:
    return ", and redirects are not followed: use the final URL" if status in {301, 302, 303, 307, 308} else ""


def _refusal(response: Response | None) -> str | None:
    """How the target asked not to be tried again, or None when it did not."""
    if response is None:
        return None
    if response.status == _GONE:
        return "which is never retried"
    if any(value.lower() == "true" for value in _values(response, "booper-no-retry")):
        return "with Booper-No-Retry: true"
    return None


def _retry_after_seconds(response: Response | None, *, now: datetime) -> float | None:
    """Seconds from `now` until the target wants to be asked again, from 0 to a day; None when it does not say."""
    if response is None:
        return None
    for value in _values(response, "retry-after"):
        seconds = _seconds(value) if value.isascii() and value.isdigit() else _seconds_until(value, now=now)
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
    return None


def _seconds(digits: str) -> float:
    # Python refuses to read a number of thousands of digits; any of more than ten is beyond the cap anyway.
    significant = digits.lstrip("0")
    return LONGEST_RETRY_AFTER_SECONDS if len(significant) > 10 else float(significant or 0)


def _seconds_until(http_date: str, *, now: datetime) -> float | None:
    """Seconds from `now` to a date in any of HTTP's three spellings, negative if past; None if it is not a date."""
    try:
        moment = parsedate_to_datetime(http_date)
        # HTTP's dates are in UTC, also where the spelling (asctime) has no room to say so.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return (moment - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _values(response: Response, lower_name: str) -> list[str]:
    return [value.strip() for name, value in response.headers if name.lower() == lower_name]
