"""The jobs that follow one when it has ended: the fields `then` and `on_failure`, each judged as a job of its own."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from booper.timing import suggestions
from booper.timing.durations import shown
from jobs.intake import recurrence
from jobs.intake.fields import Input
from jobs.intake.refusals import MOST_ERRORS
from jobs.running.children import MOST_DEEP, PARTS

FIELDS = PARTS
MOST_IN_A_LIST = 10
# `then` and `on_failure` are alternatives, so that more may be written than are ever made of one job.
MOST_WRITTEN = 2000

_RUNS_ONCE = "a job that follows another one runs once: leave it out"
REFUSED = {
    **{name: _RUNS_ONCE for name in recurrence.FIELDS if name != "include_metadata"},
    "scheduled_at": "a job that follows another one is due by its schedule_in, from the end of that one on: write that",
    "idempotency_key": "a job that follows another one is made once, whatever is retried: leave it out",
    "on_conflict": "a job that follows another one has no idempotency key: leave it out",
}

_Path = tuple[str | int, ...]


def check(given: Input, *, known: Collection[str], judge: Callable[[Input], None]) -> None:
    """Refuses what does not fit; `judge` does so for the fields of one that follows, those after it included."""
    if not any(given.has(part) for part in FIELDS) or not _is_small(given):
        return
    taken = [name for name in known if name not in REFUSED]
    with suggestions.at_most(MOST_ERRORS):
        for part in FIELDS:
            for path, child in _children(given, part):
                # What is wrong beyond that is not told anyway.
                if given.error_count < MOST_ERRORS:
                    _check_child(given, path, child, known=taken, judge=judge)


def count(several: Iterable[Any], *, most: int) -> int:
    """How many follow these, at any depth; no more than `most` are counted."""
    below = chain.from_iterable(_below(fields) for fields in several if isinstance(fields, dict))
    return sum(1 for _ in islice(below, most))


def _is_small(given: Input) -> bool:
    """Looks at the whole of it before each is judged, which takes its time."""
    for number, (path, depth) in enumerate(_below(given.fields), start=1):
        if depth > MOST_DEEP:
            given.refuse(*path, detail=f"it is {depth} deep: at most {MOST_DEEP} jobs follow each other in a chain")
            return False
        if number > MOST_WRITTEN:
            given.refuse(path[0], detail=f"too many jobs follow this one: write at most {MOST_WRITTEN}, at any depth")
            return False
    return True


def _below(fields: Any) -> Iterator[tuple[_Path, int]]:
    """The way to each that follows, and its depth, from 1 on."""
    pending: list[tuple[_Path, Any]] = [((), fields)]
    depths: dict[_Path, int] = {(): 0}
    while pending:
        way, parent = pending.pop()
        depth = depths.pop(way) + 1
        for part in FIELDS:
            for path, child in _listed(part, parent.get(part)):
                if isinstance(child, dict):
                    yield (*way, *path), depth
                    pending.append(((*way, *path), child))
                    depths[*way, *path] = depth


def _listed(part: str, value: Any) -> list[tuple[_Path, Any]]:
    if isinstance(value, list):
        return [((part, place), child) for place, child in enumerate(value)]
    return [] if value is None else [((part,), value)]


def _children(given: Input, part: str) -> list[tuple[_Path, Any]]:
    value = given.value(part)
    if isinstance(value, list) and len(value) > MOST_IN_A_LIST:
        given.refuse(part, detail=f"there are {len(value)} of them: write at most {MOST_IN_A_LIST}")
        return []
    return _listed(part, value)


def _check_child(
    given: Input, path: _Path, child: Any, *, known: Collection[str], judge: Callable[[Input], None]
) -> None:
    if not isinstance(child, dict):
        given.refuse(*path, detail=f'{shown(child)} is not a job: write {{"url": "https://…"}}')
        return
    for name, detail in REFUSED.items():
        if child.get(name) is not None:
            given.refuse(*path, name, detail=detail)
    judge(given.below(*path, fields={name: child[name] for name in child if name not in REFUSED}, known=known))
