"""A breaker for each host of a tenant: what waits for one that only fails is parked, and a few try it.

What is parked is not claimed, so it is charged no attempt. Each worker keeps its own, by what its own requests bring.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from booper.outcomes import failures
from booper.outcomes.outcome import Outcome
from jobs.guarding.pace import Host

_OF_THE_NETWORK = frozenset(
    (
        *(failures.DNS_FAILURE, failures.CONNECT_FAILED, failures.TLS_FAILURE, failures.TIMEOUT),
        *(failures.CONNECTION_CLOSED, failures.BAD_RESPONSE),
    )
)
_TOO_MANY_REQUESTS = 429
# What fails more slowly than that hurts nobody.
_WITHIN_SECONDS = 60.0
_FEW = 3
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 30.0
# A host that is offered a try, and for which nothing was due, is offered the next one a second later.
_OFFER_SECONDS = 1.0
_FAILURES_OF_A_RELEASE = 10
_RELEASED_AT_PER_SECOND = 128.0
_FORGOTTEN_AFTER_SECONDS = 60.0
_MOST_HOSTS = 10_000
# Of one tenant: each is a condition of its claims.
_MOST_PARKED = 50


def is_failure(outcome: Outcome) -> bool | None:
    """Whether it speaks against the host; None if it says nothing, as it was this side that ended it."""
    if outcome.response is not None:
        return outcome.response.status >= 500 or outcome.response.status == _TOO_MANY_REQUESTS
    return True if outcome.failure is not None and outcome.failure.code in _OF_THE_NETWORK else None


@dataclass(slots=True)
class _State:
    failures_since: float
    touched_at: float
    failures: int = 0
    parked_at: float | None = None
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    next_at: float = 0.0
    trying: int = 0
    # Above 0: it is being released, with so many starts a second.
    rate: float = 0.0
    tokens: float = 0.0
    filled_at: float = 0.0


class Breakers:
    """The breakers of one worker. For one thread; times are seconds on a clock that only goes forward."""

    def __init__(self, failures_in_a_row: int) -> None:
        """After so many a host is parked; 0: never."""
        self._most = failures_in_a_row
        self._states: dict[Host, _State] = {}

    @property
    def are_idle(self) -> bool:
        """Whether no host is known to have failed lately."""
        return not self._states

    def note(self, user_id: UUID, origin: str, outcome: Outcome, *, now: float) -> None:
        """What a request to it has brought."""
        has_failed = is_failure(outcome)
        state = self._states.get((user_id, origin))
        if state is None:
            if not has_failed or not self._most or len(self._states) >= _MOST_HOSTS:
                return
            state = self._states[user_id, origin] = _State(failures_since=now, touched_at=now)
        was_trying, state.trying = state.trying > 0, max(0, state.trying - 1)
        state.touched_at = now
        if has_failed:
            self._fail(user_id, state, was_trying=was_trying, now=now)
        elif has_failed is not None:
            self._succeed((user_id, origin), state, now=now)

    def rooms(self, *, now: float) -> Mapping[Host, int]:
        """How many more may start, of each host of which not all may."""
        return {host: _room(state, now) for host, state in self._states.items() if state.parked_at is not None}

    def claimed(self, hosts: Iterable[Host], *, now: float) -> None:
        """Counts one claimed job for each of these hosts, within what `rooms` left it."""
        for host in hosts:
            if (state := self._states.get(host)) is not None and state.parked_at is not None:
                state.trying += 1
                state.tokens -= 1
                state.touched_at = now
        for state in self._states.values():
            if state.parked_at is not None and not state.rate and state.next_at <= now:
                state.next_at = now + _OFFER_SECONDS

    def parked(self) -> Mapping[Host, float]:
        """Since when each host is parked that is not being released."""
        return {
            host: state.parked_at
            for host, state in self._states.items()
            if state.parked_at is not None and not state.rate
        }

    def forget(self, *, now: float) -> None:
        """Forgets the hosts that nothing was sent to for a while, nor is."""
        kept = {
            host: state
            for host, state in self._states.items()
            if state.trying or now - state.touched_at < _FORGOTTEN_AFTER_SECONDS
        }
        if len(kept) < len(self._states):
            self._states = kept

    def _fail(self, user_id: UUID, state: _State, *, was_trying: bool, now: float) -> None:
        if state.parked_at is None and now - state.failures_since > _WITHIN_SECONDS:
            state.failures, state.failures_since = 0, now
        state.failures += 1
        if state.parked_at is None:
            if state.failures >= self._most and self._parked_of(user_id) < _MOST_PARKED:
                state.parked_at, state.next_at = now, now + state.pause_seconds
        elif state.rate:
            if state.failures >= _FAILURES_OF_A_RELEASE:
                state.rate = 0.0
                _pause_longer(state, now)
        elif was_trying and not state.trying:
            _pause_longer(state, now)

    def _parked_of(self, user_id: UUID) -> int:
        return sum(host[0] == user_id and state.parked_at is not None for host, state in self._states.items())

    def _succeed(self, host: Host, state: _State, *, now: float) -> None:
        state.failures = 0
        if state.parked_at is None:
            del self._states[host]
        elif not state.rate:
            state.rate = state.tokens = float(_FEW)
            state.filled_at = state.next_at = now
        elif now >= state.next_at + 1.0:
            state.rate, state.next_at = state.rate * 2, now
            if state.rate > _RELEASED_AT_PER_SECOND:
                del self._states[host]


def _room(state: _State, now: float) -> int:
    if state.rate:
        state.tokens = min(state.rate, state.tokens + (now - state.filled_at) * state.rate)
        state.filled_at = now
        return max(0, int(state.tokens))
    return _FEW if now >= state.next_at and not state.trying else 0


def _pause_longer(state: _State, now: float) -> None:
    state.pause_seconds = min(_LONGEST_PAUSE_SECONDS, state.pause_seconds * 2)
    state.next_at = now + state.pause_seconds
