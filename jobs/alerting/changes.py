"""What judging an alert comes to: values, decided and not yet written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs.models import AlertedEnd

ALL = ""
"""The subject of an alert that fires for all that it is about together."""


@dataclass(frozen=True, slots=True)
class Change:
    """An alert fires, or is over, for a subject: why, in words, and the job that showed it, if one did."""

    subject: str
    fires: bool
    at: datetime
    summary: str
    end: AlertedEnd | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`changes` in their order; one that is so already changes nothing. `due_at`: when to judge it by the clock."""

    changes: Sequence[Change] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None


def fires(subject: str, summary: str, *, at: datetime, end: AlertedEnd | None = None) -> Change:
    return Change(subject, True, at, summary, end)


def resolves(subject: str, summary: str, *, at: datetime, end: AlertedEnd | None = None) -> Change:
    return Change(subject, False, at, summary, end)
