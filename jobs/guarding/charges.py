"""What somebody may make more of: asked once before it is made, whichever door it is made by."""

from datetime import datetime

from jobs.guarding import limits, rates, stocks
from jobs.models import User


def charge(user: User, *, jobs: int, schedules: int = 0, size: int = 0, now: datetime) -> None:
    """Raises LimitReached if `user` may not have so many more, or may not have `size` bytes more stored today."""
    stocks.waiting_jobs.add(user.id, amount=jobs, overrides=user.limits, now=now)
    stocks.schedules.add(user.id, amount=schedules, overrides=user.limits, now=now)
    if allowed := limits.allowed(limits.STORED_BYTES, user.limits):
        rates.stored_bytes.take(user.id.hex, amount=size, allowed=allowed, now=now).require()
