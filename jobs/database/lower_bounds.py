"""Where a look for what is due begins: behind what earlier looks have found gone, not at the beginning of the index.

An old snapshot (a dump, a report, a replica's feedback) keeps the entries of rows that have left an index. A look from
its beginning walks them all, each time; one from a mark walks what has left since. A mark only says that there was
nothing before it: what is put in there later (a row that is made due at a time gone by, or committed late) is found by
a look from the beginning, made each second, or each twenty times as long as the last one took; where those are dear, it
is found sooner by one from a minute before the mark.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from jobs.database import sql

# A row is due by the time when its transaction began: one that is committed within this is seen without a look from
# the beginning.
_COMMITTED_WITHIN = timedelta(seconds=1)
_ANEW_AFTER = timedelta(seconds=1)
# Looks from the beginning take a twentieth of the time, as a rule.
COST_SHARE = 20
# One that waited for a lock, or for a processor, did not cost what it took, and what was put in behind the mark waits
# for the next one. Two in turn that took long tell of what is in the way.
_ANEW_WITHIN_SECONDS = 10.0
_ANEW_AT_LAST_SECONDS = 120.0
_NEAR = timedelta(minutes=1)
_MOST_KEYS = 10_000
# Of one tenant's rows, a look goes past so many that it has to pass over: behind a million of a host that is full there
# may be something for another, but the other tenants are not to wait until it is found.
_MOST_PASSED_OVER = 2_000
_DUE = """
SELECT id FROM {table} WHERE {waiting} AND {due_at} <= %(now)s {within} {behind} ORDER BY {due_at}, id LIMIT {limit}
"""
_DUE_BUT = """
SELECT id FROM {table} WHERE {waiting} AND id IN ({candidates}) {but} ORDER BY {due_at}, id LIMIT {limit}
"""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in an index on (a time, the id)."""

    at: datetime
    id: int = 0


def _pause(took: float, before: float) -> timedelta:
    """How long after a look from the beginning the next one is made, by what it and the one before took, in seconds."""
    longest = min(max(_ANEW_WITHIN_SECONDS, min(took, before) * COST_SHARE), _ANEW_AT_LAST_SECONDS)
    return max(_ANEW_AFTER, timedelta(seconds=min(took * COST_SHARE, longest)))


@dataclass(slots=True)
class _Bound:
    mark: Mark
    noted_at: datetime
    near_at: datetime
    anew_at: datetime
    # What the last look from the beginning took.
    seconds: float


class LowerBounds:
    """The marks of one process, one for each key: a queue, a tenant, or None for all. For one thread."""

    def __init__(self) -> None:
        self._bounds: dict[Hashable, _Bound] = {}
        # That of each key that has none of its own, as one look was for all of them.
        self._others: _Bound | None = None

    def mark(self, key: Hashable = None, *, now: datetime) -> Mark | None:
        """Where the look is to begin; None: at the beginning. So it is where the clock was set back."""
        bound = self._bounds.get(key, self._others)
        if bound is None or not bound.noted_at <= now < bound.anew_at:
            return None
        return bound.mark if now < bound.near_at else Mark(bound.mark.at - _NEAR)

    def further_back_at(self, key: Hashable = None, *, now: datetime) -> datetime:
        """When the next look begins before the mark, if there is one by then."""
        bound = self._bounds.get(key, self._others)
        return now if bound is None else min(bound.near_at, bound.anew_at)

    def all_looked_at(self, *, now: datetime) -> datetime | None:
        """When the last look for all keys was; None if the next one is due."""
        others = self._others
        return others.noted_at if others is not None and others.noted_at <= now < others.anew_at else None

    def note(
        self, key: Hashable = None, *, began: Mark | None, first: Mark | None, seconds: float, now: datetime
    ) -> None:
        """The look that `began` there found `first` before all others, or nothing up to `now`, and took `seconds`."""
        settled = Mark(now - _COMMITTED_WITHIN)
        mark = settled if first is None else min(first, settled)
        bound = self._own(key)
        if began is None and first is None and key is None:
            self.note_all({}, seconds=seconds, now=now)
        elif began is None or bound is None:
            self._note_anew(key, mark, seconds, now)
        elif began < bound.mark:
            # It began a minute before, and what it found there is where the next one begins.
            bound.mark, bound.noted_at, bound.near_at = mark, now, now + _pause(seconds, 0.0)
        else:
            bound.mark, bound.noted_at = max(mark, bound.mark), now

    def begin(self, key: Hashable, mark: Mark, *, now: datetime) -> None:
        """The next look begins at `mark`, though that may lie before the last one. It is no look from the beginning."""
        bound = self._own(key)
        # With a clock that was set back the one from the beginning would be due long after it is again.
        if bound is None or now < bound.noted_at:
            self._note_anew(key, mark, 0.0, now)
        else:
            bound.mark, bound.noted_at = mark, now

    def note_all(self, first_of: Mapping[Hashable, Mark], *, seconds: float, now: datetime) -> None:
        """One look from the beginning has found the first of each key that has something up to `now`, None aside."""
        settled = Mark(now - _COMMITTED_WITHIN)
        others = self._others = _anew(self._bounds.get(None), settled, seconds, now)
        firsts = {None: min(first_of.values(), default=settled), **first_of}
        self._bounds = {key: replace(others, mark=min(first, settled)) for key, first in firsts.items()}

    def _note_anew(self, key: Hashable, mark: Mark, seconds: float, now: datetime) -> None:
        self._keep(key, _anew(self._bounds.get(key), mark, seconds, now))

    def _own(self, key: Hashable) -> _Bound | None:
        """The key's own bound, to be changed: until now it may have been that of the others."""
        if key not in self._bounds and self._others is not None:
            self._keep(key, replace(self._others))
        return self._bounds.get(key)

    def _keep(self, key: Hashable, bound: _Bound) -> None:
        if key not in self._bounds and len(self._bounds) >= _MOST_KEYS:
            self._bounds, self._others = {}, None
        self._bounds[key] = bound


def _anew(known: _Bound | None, mark: Mark, seconds: float, now: datetime) -> _Bound:
    before = 0.0 if known is None else known.seconds
    return _Bound(mark, now, now + _pause(seconds, 0.0), now + _pause(seconds, before), seconds)


@dataclass(frozen=True, slots=True)
class Look:
    """One SELECT of a claim, and from where."""

    limit: int
    mark: Mark | None = None
    # The tenant or the queue.
    key: Hashable = None
    # The beginnings of URLs that are not wanted; what it finds then says nothing of where to look next.
    passed_over: tuple[str, ...] = ()


def conditions(looks: Iterable[Look], column: str) -> tuple[list[str], dict[str, Any]]:
    """The condition of each look on the index of (`column`, id), and the parameters of all."""
    texts: list[str] = []
    parameters: dict[str, Any] = {}
    for number, look in enumerate(looks):
        if look.mark is None:
            texts.append("")
            continue
        texts.append(f"AND ({column}, id) >= (%(from_at{number})s, %(from_id{number})s)")
        parameters |= {f"from_at{number}": sql.time_value(look.mark.at), f"from_id{number}": look.mark.id}
    return texts, parameters


def selects(
    looks: Sequence[Look], *, table: str, waiting: str, due_at: str, within: str, now: datetime
) -> tuple[list[str], dict[str, Any]]:
    """The SELECT of each look for what is due, and the parameters of all. `within` is the condition on a key."""
    behind, parameters = conditions(looks, due_at)
    parameters["now"] = sql.time_value(now)
    texts = []
    for number, (look, after) in enumerate(zip(looks, behind, strict=True)):
        words = {"table": table, "waiting": waiting, "due_at": due_at, "behind": after}
        words["within"] = "" if look.key is None else within.format(key=look.key)
        text = _DUE.format(**words, limit=int(max(look.limit, _MOST_PASSED_OVER) if look.passed_over else look.limit))
        if look.passed_over:
            names = [f"passed_over{number}_{place}" for place in range(len(look.passed_over))]
            parameters |= dict(zip(names, look.passed_over, strict=True))
            but = " ".join(f"AND substr(url, 1, length(%({name})s)) <> %({name})s" for name in names)
            text = _DUE_BUT.format(**words, candidates=text, but=but, limit=int(look.limit))
        texts.append(text)
    return texts, parameters


def firsts(found: Iterable[tuple[Hashable, Mark]]) -> Mapping[Hashable, Mark]:
    """The first mark of each key."""
    earliest: dict[Hashable, Mark] = {}
    for key, mark in found:
        earliest[key] = min(mark, earliest.get(key, mark))
    return earliest
