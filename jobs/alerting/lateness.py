"""`{"late": duration}`: a job began later than that after it was due, or is due for that long and has not begun."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from booper.timing import durations
from booper.timing.spans import span
from jobs.alerting.changes import ALL, Change, Judgement, fires, resolves
from jobs.models import AlertedEnd

_SHORTEST_QUIET_SECONDS = 60.0


def judge(
    length: Any, ends: Sequence[AlertedEnd], *, waiting: AlertedEnd | None, memory: Mapping[str, Any], now: datetime
) -> Judgement:
    """`waiting` is a job that has been due for too long by now; `memory` has when that was so last, `held_at`."""
    longest = durations.parse(length).nominal_seconds
    quiet = max(longest, _SHORTEST_QUIET_SECONDS)
    late = next((end for end in reversed(ends) if end.late_seconds > longest), None)
    held_at = memory.get("held_at")
    changes: list[Change] = []
    if waiting is not None:
        held_at = now.timestamp()
        changes.append(fires(ALL, _waits(waiting), at=now, end=waiting))
    elif late is not None:
        held_at = max(held_at or 0, late.ended_at.timestamp())
        changes.append(fires(ALL, _began(late), at=late.ended_at, end=late))
    elif held_at is not None and now.timestamp() - held_at >= quiet:
        held_at = None
        words = str(durations.parse(length)) if longest >= quiet else "a minute"
        changes.append(resolves(ALL, f"no job was late for {words}", at=now))
    if held_at is None:
        return Judgement(changes)
    return Judgement(changes, {"held_at": held_at}, datetime.fromtimestamp(held_at, UTC) + timedelta(seconds=quiet))


def _waits(job: AlertedEnd) -> str:
    return f"job {job.job_id} has been due for {span(job.late_seconds)} and has not begun"


def _began(end: AlertedEnd) -> str:
    return f"job {end.job_id} began {span(end.late_seconds)} after it was due"
