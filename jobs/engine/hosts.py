"""What a worker holds back of what is due, as its target has enough for the moment, or brings failures alone."""

import time
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.conf import settings

from jobs.database import clock
from jobs.database.claim_bounds import ClaimBounds
from jobs.engine import leases
from jobs.engine.stage import Finished, Started
from jobs.guarding import limits, places
from jobs.guarding.breakers import Breakers
from jobs.guarding.overrides import Overrides
from jobs.guarding.pace import Host, Pace
from jobs.telemetry import counters
from jobs.waking.announcer import Lane

_COUNT_SECONDS = 5.0
# For whoever reads it each few seconds.
_RELEASE_TOLD_SECONDS = 60.0


class Hosts:
    """The hosts of all tenants, as one worker knows them. Moments are those of time.monotonic().

    Breakers are for jobs alone: a receiver of callbacks that nothing reaches is switched off by other rules.
    """

    def __init__(self, *, starts_per_second: int, failures_in_a_row: int = 0) -> None:
        """0: no limit, and no breakers."""
        self._overrides = Overrides()
        self._count_at = 0.0
        self._told: Mapping[Host, float] = {}
        # Since when and until when, of those that were parked a moment ago.
        self._released: dict[Host, tuple[float, float]] = {}
        self.breakers = Breakers(failures_in_a_row)
        self.pace = Pace(
            starts_per_second, limit_of=lambda user_id: self._overrides.of(user_id, limits.STARTS_PER_HOST)
        )

    def own_places(self) -> Mapping[UUID, int]:
        """How many places in a lane single tenants may have instead of their share."""
        return self._overrides.all(limits.ON_THE_WIRE)

    def look(self) -> None:
        """Reads what may have changed, and tells what is parked. A query each few seconds at most."""
        self._overrides.look()
        if not self.breakers.are_idle or self._told or self._released:
            self.breakers.forget(now=time.monotonic())
            self._tell()

    def narrowed(self, bounds: ClaimBounds, *, lane: Lane, now: float) -> ClaimBounds:
        """`bounds` without what has to wait. No query, as long as nothing has to."""
        full = dict(self.pace.full(now=now))
        if full and now >= self._count_at:
            self.pace.share_with(leases.living_workers(now=clock.now()))
            self.pace.forget(now=now)
            self._count_at = now + _COUNT_SECONDS
        narrow: dict[UUID, int] = {}
        if lane != Lane.DELIVERIES and not self.breakers.are_idle:
            for (user_id, origin), room in self.breakers.rooms(now=now).items():
                if room:
                    narrow[user_id] = min(narrow.get(user_id, room), room)
                else:
                    full[user_id] = (*full.get(user_id, ()), origin)
        return bounds.passing_over(full, narrow=narrow) if full or narrow else bounds

    def claimed(self, started: Iterable[Started], *, lane: Lane, now: float) -> None:
        if lane != Lane.DELIVERIES and not self.breakers.are_idle:
            self.breakers.claimed([_host(item) for item in started], now=now)

    def note(self, finished: Sequence[Finished], *, lane: Lane, now: float) -> None:
        """What came of requests."""
        if lane == Lane.DELIVERIES:
            return
        for item in finished:
            response = item.outcome.response
            is_well = response is not None and response.status < 400
            if not (is_well and self.breakers.are_idle):
                self.breakers.note(*_host(item.started), item.outcome, now=now)

    def _tell(self) -> None:
        """Tells metrics and timelines what is parked, by way of this process's tally."""
        parked, now = self.breakers.parked(), time.monotonic()
        over = {host: (since, now) for host, since in self._told.items() if host not in parked}
        self._released = {
            host: times
            for host, times in (self._released | over).items()
            if host not in parked and now - times[1] < _RELEASE_TOLD_SECONDS
        }
        self._told = parked
        age = clock.now().timestamp() - now
        counters.own.set_gauges(
            counters.PARKED, {f"{user_id.hex}|{origin}": at + age for (user_id, origin), at in parked.items()}
        )
        counters.own.set_gauges(
            counters.RELEASED,
            {
                f"{user_id.hex}|{since + age:.3f}|{origin}": until + age
                for (user_id, origin), (since, until) in self._released.items()
            },
        )


def _host(item: Started) -> Host:
    return item.row.user_id, places.origin(item.row.url)


def unlimited() -> Hosts:
    return Hosts(starts_per_second=0)


def of_settings() -> Hosts:
    return Hosts(starts_per_second=settings.BOOPER_STARTS_PER_HOST, failures_in_a_row=settings.BOOPER_BREAKER_FAILURES)
