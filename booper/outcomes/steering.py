"""What a target's answer asks for, beside what it says: to count as failed, to be asked again, to be left alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booper.outcomes.expectations import Said
from booper.timing import durations
from booper.timing.durations import InvalidDuration, shown

FAILED_BY_TARGET = "failed_by_target"
RETRY_ASKED = "retry_asked"
REFUSED = "steering_refused"
"""The code of the log row about a wish that makes no sense."""

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


NONE = Wishes()


def of(said: Said, *, has_succeeded: bool) -> Wishes:
    """The wishes of an answer. One that counts as a failure anyway may say when to try again, and that no more."""
    if not said.is_json or not isinstance(said.value, dict) or not any(name in said.value for name in _NAMES):
        return NONE
    answer: Mapping[str, Any] = said.value
    refusals: list[str] = []
    return Wishes(
        fail=_reason(answer, refusals) if has_succeeded else None,
        retry_in_seconds=_wait(answer, refusals),
        stops=_switch(answer, "$stop", refusals),
        pauses=has_succeeded and _switch(answer, "$pause", refusals),
        refusals=tuple(refusals),
    )


_NAMES = ("$fail", "$retry_in", "$stop", "$pause")


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


def _switch(answer: Mapping[str, Any], name: str, refusals: list[str]) -> bool:
    value = answer.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    refusals.append(f"{name} can't be read: {shown(value)} is neither true nor false")
    return False
