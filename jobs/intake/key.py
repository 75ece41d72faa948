"""What a new API key is to be called, may do, and until when; and for how long what it replaces goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from booper.timing import durations
from jobs.intake import timing
from jobs.intake.fields import Input
from jobs.models import Scope

FIELDS = ("name", "scope", "expires_at")
ROTATE_FIELDS = ("overlap", "expires_at")
OVERLAP_FIELDS = ("overlap",)
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    name: str
    scope: Scope
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`overlap` is None where the client leaves it to the default."""

    overlap: timedelta | None
    expires_at: datetime | None


def new(fields: Mapping[str, Any], *, now: datetime) -> NewKey:
    """Reads the body of POST /api/keys. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    name = given.text("name", longest=LONGEST_NAME) or ""
    scope = given.choice("scope", allowed=Scope.values) or Scope.WRITE
    expires_at = _expiry(given, now=now)
    given.finish()
    return NewKey(name=name, scope=Scope(scope), expires_at=expires_at)


def rotation(fields: Mapping[str, Any], *, known: tuple[str, ...] = ROTATE_FIELDS, now: datetime) -> Rotation:
    """Reads the body of POST /api/keys/{id}/rotate, or of another rotation. Raises InvalidInput."""
    given = Input(fields, known=known)
    overlap = timing.duration(given, "overlap", value=given.value("overlap")) if given.has("overlap") else None
    expires_at = _expiry(given, now=now) if "expires_at" in known else None
    given.finish()
    return Rotation(overlap=None if overlap is None else overlap.after(now) - now, expires_at=expires_at)


def _expiry(given: Input, *, now: datetime) -> datetime | None:
    at = given.read("expires_at", partial(durations.parse_moment, now=now))
    if at is not None and at <= now:
        given.refuse("expires_at", detail="it is past: a key has to be good for a while, so write a moment to come")
    return at
