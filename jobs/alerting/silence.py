"""`{"not_run": duration}`: no job was completed for so long. The dead man's switch of a job."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from booper.timing import durations
from booper.timing.timestamps import timestamp
from jobs.alerting.changes import ALL, Change, Judgement, fires, resolves
from jobs.models import AlertedEnd, JobState


def judge(
    length: Any, ends: Sequence[AlertedEnd], *, since: datetime, memory: Mapping[str, Any], now: datetime
) -> Judgement:
    """`since` is from when on it is watched; `memory` has the latest success, `{"completed_at": unix seconds}`."""
    changes: list[Change] = []
    latest = memory.get("completed_at")
    for end in ends:
        if end.state == JobState.COMPLETED:
            latest = max(latest or 0, end.ended_at.timestamp())
            changes.append(resolves(ALL, f"job {end.job_id} was completed", at=end.ended_at, end=end))
    heard_at = since if latest is None else max(since, datetime.fromtimestamp(latest, UTC))
    due_at = durations.parse(length).after(heard_at)
    remembered = {} if latest is None else {"completed_at": latest}
    if now < due_at:
        return Judgement(changes, remembered, due_at)
    words = f"no job was completed since {timestamp(heard_at)}, which is longer than {durations.parse(length)}"
    return Judgement([*changes, fires(ALL, words, at=now)], remembered)
