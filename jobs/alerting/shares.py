"""`{"failing": {"share", "of_last", "at_least"}}`: of what ended in the last while, too much was discarded.

Counted in slices of time, so that what is kept does not grow with what ends.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from booper.timing import durations
from jobs.alerting.changes import ALL, Change, Judgement, fires, resolves
from jobs.models import AlertedEnd, JobState

_SLICES = 60


def judge(
    rule: Mapping[str, Any], ends: Sequence[AlertedEnd], *, memory: Mapping[str, Any], now: datetime
) -> Judgement:
    """`memory` has the slices, `{"slices": [[unix seconds, ended, discarded], …]}`, and when it was so last."""
    span = durations.parse(rule["of_last"]).nominal_seconds
    slices = _counted(memory.get("slices", []), ends, width=span / _SLICES, since=now.timestamp() - span)
    ended, discarded = sum(each[1] for each in slices), sum(each[2] for each in slices)
    is_so = ended >= rule["at_least"] and discarded >= rule["share"] * ended
    held_at = now.timestamp() if is_so else memory.get("held_at")
    changes: list[Change] = []
    if is_so:
        last = next((end for end in reversed(ends) if end.state == JobState.DISCARDED), None)
        changes.append(fires(ALL, _words(ended, discarded, rule), at=now, end=last))
    elif held_at is not None and now.timestamp() - held_at >= span:
        held_at = None
        changes.append(resolves(ALL, f"less than {rule['share']:.0%} were discarded for {_span(rule)}", at=now))
    remembered: dict[str, Any] = {"slices": slices}
    if held_at is None:
        return Judgement(changes, remembered)
    due_at = datetime.fromtimestamp(held_at, UTC) + timedelta(seconds=span)
    return Judgement(changes, remembered | {"held_at": held_at}, due_at)


def _counted(known: Sequence[Any], ends: Sequence[AlertedEnd], *, width: float, since: float) -> list[list[float]]:
    counts = {at: [at, ended, discarded] for at, ended, discarded in known}
    for end in ends:
        at = end.ended_at.timestamp() // width * width
        counted = counts.setdefault(at, [at, 0, 0])
        counted[1] += 1
        counted[2] += int(end.state == JobState.DISCARDED)
    # A slice counts while any of it lies within.
    return [counts[at] for at in sorted(counts) if at + width > since]


def _words(ended: float, discarded: float, rule: Mapping[str, Any]) -> str:
    return f"{discarded:.0f} of {ended:.0f} jobs that ended within the last {_span(rule)} were discarded"


def _span(rule: Mapping[str, Any]) -> str:
    return str(durations.parse(rule["of_last"]))
