"""What a client asked for, checked and understood: the value that travels from the doors to the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from booper.timing.days import Days


class OnConflict(StrEnum):
    """What a held idempotency key means for whoever comes with it."""

    IGNORE = "ignore"
    REPLACE = "replace"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One request to make. `args` is what the client sent, word for word; the rest is how it was read."""

    args: dict[str, Any]
    method: str
    url: str
    scheduled_at: datetime
    timeout_seconds: float
    max_attempts: int
    backoff_seconds: list[float] | None = None
    name: str | None = None
    description: str | None = None
    idempotency_key: str | None = None
    on_conflict: OnConflict = OnConflict.IGNORE
    callback_url: str | None = None
    webhook_url: str | None = None
    queue_id: int | None = None
    # As `jobs.models.tags` packs them.
    tags: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEdit:
    """What is to be other in a waiting job: its `args`, those `columns` of the `spec`, and the time if one is given."""

    args: dict[str, Any]
    spec: JobSpec
    columns: list[str]
    scheduled_at: datetime | None
    is_expiry_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceSpec:
    """How often a recurring job runs. `frequency` is {"cron": … or […]} or {"repeat_every": [n, unit]}."""

    frequency: dict[str, Any]
    timezone: str
    # The first run, in UTC; an interval's grid hangs on it.
    first_run_at: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs: int | None = None
    overlap: str = "allow"
    catch_up: str = "latest"
    include_metadata: bool | None = None
    disable_after: int | None = None
    jitter_seconds: float | None = None
    # Names of calendars, and their days as they were read.
    skip_on: list[str] | None = None
    only_on: list[str] | None = None
    known_days: Mapping[str, Days] | None = field(default=None, compare=False)
    # By what its owner calls it, and what of theirs looks after it.
    key: str | None = None
    managed_by: str | None = None
