"""The delay of a run against its time on the grid: always the same for a schedule and a time, spread evenly."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

_STEPS = 2**64


def delay(schedule_id: UUID, at: datetime, *, longest_seconds: float) -> timedelta:
    """The delay of the schedule's run at `at`, an aware moment: from nothing up to `longest_seconds`."""
    text = f"{schedule_id.hex} {at.astimezone(UTC).isoformat()}"
    step = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return timedelta(seconds=longest_seconds * step / _STEPS)
