"""How an attempt ended, decided and not yet written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from booper.outcomes import hand_backs, steering
from booper.outcomes.steering import Wishes
from jobs.database.claimed_job import AnyJob
from jobs.models import JobState


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """How far a request had come that was broken off: in words, and what the log shows of its answer so far."""

    message: str
    came: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one attempt ended: what to write of it. `response` and `error` are JSON objects as the log shows them."""

    job: AnyJob
    state: JobState
    retry_at: datetime | None = None
    response: dict[str, Any] | None = None
    # Whether the response's body is JSON, where its value does not tell: a string may be a text, a null nothing.
    is_json: bool = False
    error: dict[str, Any] | None = None
    # An attempt that ended through no fault of the target does not count against `max_attempts`.
    is_forgiven: bool = False
    # One that ended without an outcome counts in a number of its own.
    is_handed_back: bool = False
    # Set where this side ended the request, as the worker stops or the job was cancelled.
    broken_off: BrokenOff | None = None
    # What the answer asked for beside that.
    wishes: Wishes = steering.NONE
    # How long each step on the wire took, for the log alone.
    times_ms: Mapping[str, float] | None = None


def handed_back(job: AnyJob, why: dict[str, str], *, broken_off: BrokenOff | None = None, now: datetime) -> Ended:
    """An attempt without an outcome, for the reason `why`: due again at once, unless that was so too often."""
    is_given_up = hand_backs.is_too_often(job.handed_back)
    return Ended(
        job=job,
        state=JobState.DISCARDED if is_given_up else JobState.RETRYABLE,
        retry_at=None if is_given_up else now,
        error=hand_backs.reason(why["message"]) if is_given_up else why,
        is_forgiven=True,
        is_handed_back=True,
        broken_off=broken_off,
    )


# The code of an attempt whose job was cancelled while its request was on the wire.
CANCELLED = "cancelled"
