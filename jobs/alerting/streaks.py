"""`{"discarded": N}`: so many in a row of one schedule, or of one-off jobs to one host, were discarded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from jobs.alerting.changes import Change, Judgement, fires, resolves
from jobs.models import AlertedEnd, JobState
from jobs.models.alert import LONGEST_SUBJECT

# So many subjects are counted for one alert; further ones when one of these succeeds, or was not heard of for a day.
MOST_COUNTED = 1000
_FORGOTTEN_SECONDS = 86_400


def subject_of(end: AlertedEnd) -> str:
    """`schedule:…` of a run, `host:…` of a one-off job."""
    if end.schedule_id is not None:
        return f"schedule:{end.schedule_id}"
    return f"host:{urlsplit(end.url).hostname or ''}"[:LONGEST_SUBJECT]


def judge(in_a_row: int, ends: Sequence[AlertedEnd], *, memory: Mapping[str, Any], now: datetime) -> Judgement:
    """`memory` has the streaks so far, `{"streaks": {subject: [count, unix seconds]}}`."""
    streaks: dict[str, list[int]] = {**memory.get("streaks", {})}
    changes: list[Change] = []
    for end in ends:
        subject = subject_of(end)
        if end.state == JobState.COMPLETED:
            streaks.pop(subject, None)
            changes.append(resolves(subject, f"job {end.job_id} was completed", at=end.ended_at, end=end))
            continue
        before = streaks.get(subject)
        if before is None and not _has_room(streaks, now=now):
            continue
        count = 1 if before is None else before[0] + 1
        streaks[subject] = [count, int(end.ended_at.timestamp())]
        if count >= in_a_row:
            changes.append(fires(subject, _words(subject, count, end), at=end.ended_at, end=end))
    return Judgement(changes, {"streaks": streaks})


def _has_room(streaks: dict[str, list[int]], *, now: datetime) -> bool:
    if len(streaks) < MOST_COUNTED:
        return True
    forgotten = now.timestamp() - _FORGOTTEN_SECONDS
    for subject in [subject for subject, (_, at) in streaks.items() if at < forgotten]:
        del streaks[subject]
    return len(streaks) < MOST_COUNTED


def _words(subject: str, count: int, end: AlertedEnd) -> str:
    kind, _, name = subject.partition(":")
    named = f" ({end.name})" if kind == "schedule" and end.name else ""
    whose = f"of schedule {name}{named}" if kind == "schedule" else f"to {name}"
    what = "run" if kind == "schedule" else "job"
    last = f"the last {what} {whose} was" if count == 1 else f"the last {count} {what}s {whose} were"
    return f"{last} discarded: job {end.job_id}, {end.error_code or 'failed'}"
