"""What a target's answer asks for, beside what it says: to count as failed, to be asked again, to be left alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from booper.outcomes.expectations import Said
from booper.timing import durations
from booper.timing.durations import Duration, InvalidDuration, InvalidMoment, shown

FAILED_BY_TARGET = "failed_by_target"
RETRY_ASKED = "retry_asked"
REFUSED = "steering_refused"
"""The code of the log row about a wish that makes no sense."""

SHORTEST_NEXT_SECONDS = 1.0
"""A target that asks for less would be called in a loop."""

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an answer asks for; without any, all is as it was."""

    fail: str | None = None
    """Why the attempt is to count as failed."""
    retry_in_seconds: float | None = None
    stops: bool = False
    """No more attempts, and its schedule ends."""
    pauses: bool = False
    """Its schedule is disabled."""
    next_in: Duration | None = None
    next_at: str | int | float | None = None
    """When its schedule is to run next, one of the two: so long after this run, or a moment as it was written."""
    refusals: tuple[str, ...] = ()
    """What of it makes no sense, and why."""

    @property
    def failure(self) -> tuple[str, str] | None:
        """Code and message of the failure that a success is turned into; None if it stays one."""
        if self.fail is not None:
            return FAILED_BY_TARGET, f"the target said that it failed: {self.fail}"
        if self.retry_in_seconds is not None:
            return RETRY_ASKED, f"the target asked to be tried again in {self.retry_in_seconds:g} s"
        return None

    @property
    def names(self) -> list[str]:
        """What is granted when the job ends, under the names that answers have for it."""
        return [name for name, is_asked in (("$stop", self.stops), ("$pause", self.pauses)) if is_asked]

    @property
    def name_of_next(self) -> str | None:
        """Under which name it says when the next run is to be, if it does."""
        return "$next_in" if self.next_in is not None else "$next_at" if self.next_at is not None else None


NONE = Wishes()


def of(said: Said, *, has_succeeded: bool, now: datetime) -> Wishes:
    """The wishes of an answer. One that counts as a failure anyway may say when to try again, and that no more."""
    if not said.is_json or not isinstance(said.value, dict) or _NAMES.isdisjoint(said.value):
        return NONE
    answer: Mapping[str, Any] = said.value
    refusals: list[str] = []
    next_in, next_at = _next(answer, refusals, now=now) if has_succeeded else (None, None)
    return Wishes(
        fail=_reason(answer, refusals) if has_succeeded else None,
        retry_in_seconds=_wait(answer, refusals),
        stops=_switch(answer, "$stop", refusals),
        pauses=has_succeeded and _switch(answer, "$pause", refusals),
        next_in=next_in,
        next_at=next_at,
        refusals=tuple(refusals),
    )


_NAMES = frozenset(("$fail", "$retry_in", "$stop", "$pause", "$next_in", "$next_at"))


def _reason(answer: Mapping[str, Any], refusals: list[str]) -> str | None:
    value = answer.get("$fail")
    if value is None:
        return None
    if isinstance(value, str) and value:
        return value[:_LONGEST_REASON]
    refusals.append(f"$fail can't be read: {shown(value)} is not a text that says why")
    return None


def _wait(answer: Mapping[str, Any], refusals: list[str]) -> float | None:
    value = answer.get("$retry_in")
    if value is None:
        return None
    try:
        return float(durations.parse(value).nominal_seconds)
    except InvalidDuration as refusal:
        refusals.append(f"$retry_in can't be read: {refusal}")
        return None


def _next(
    answer: Mapping[str, Any], refusals: list[str], *, now: datetime
) -> tuple[Duration | None, str | int | float | None]:
    wait, at = answer.get("$next_in"), answer.get("$next_at")
    if wait is not None and at is not None:
        refusals.append("$next_at can't be read: $next_in says when already")
        return None, None
    try:
        if at is not None:
            # In which zone it is meant is known to the schedule alone.
            durations.parse_moment(at, now=now)
            return None, at
        found = None if wait is None else durations.parse(wait)
    except (InvalidDuration, InvalidMoment) as refusal:
        refusals.append(f"{'$next_in' if at is None else '$next_at'} can't be read: {refusal}")
        return None, None
    if found is not None and found.nominal_seconds < SHORTEST_NEXT_SECONDS:
        refusals.append(f"$next_in can't be read: {shown(wait)} is less than a second")
        return None, None
    return found, None


def _switch(answer: Mapping[str, Any], name: str, refusals: list[str]) -> bool:
    value = answer.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    refusals.append(f"{name} can't be read: {shown(value)} is neither true nor false")
    return False
