"""What a worker holds back of what is due, as its target has enough for the moment."""

from django.conf import settings

from jobs.database import clock
from jobs.database.claim_bounds import ClaimBounds
from jobs.engine import leases
from jobs.guarding import limits
from jobs.guarding.overrides import Overrides
from jobs.guarding.pace import Pace

_COUNT_SECONDS = 5.0


class Hosts:
    """The hosts of all tenants, as one worker knows them. Moments are those of time.monotonic()."""

    def __init__(self, *, starts_per_second: int) -> None:
        """0: no limit."""
        self._overrides = Overrides()
        self._count_at = 0.0
        self.pace = Pace(
            starts_per_second, limit_of=lambda user_id: self._overrides.of(user_id, limits.STARTS_PER_HOST)
        )

    def look(self) -> None:
        """Reads what may have changed. A query each few seconds at most."""
        self._overrides.look()

    def narrowed(self, bounds: ClaimBounds, *, now: float) -> ClaimBounds:
        """`bounds` without what has to wait. No query, as long as nothing has to."""
        full = self.pace.full(now=now)
        if not full:
            return bounds
        if now >= self._count_at:
            self.pace.share_with(leases.living_workers(now=clock.now()))
            self.pace.forget(now=now)
            self._count_at = now + _COUNT_SECONDS
        return bounds.passing_over(full)


def unlimited() -> Hosts:
    return Hosts(starts_per_second=0)


def of_settings() -> Hosts:
    return Hosts(starts_per_second=settings.BOOPER_STARTS_PER_HOST)
