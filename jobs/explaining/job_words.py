"""Says in words how a job stands: what an operator wants to read first."""

from datetime import datetime, timedelta

from jobs.models import FINISHED_STATES, WAITING_STATES, Job, JobState, Process

_UNITS = (("day", "days", 86_400), ("h", "h", 3_600), ("min", "min", 60), ("s", "s", 1))


def span(length: timedelta) -> str:
    """`0.4 s`, `12 s`, `4 min 5 s`, `3 h`, `2 days 4 h`: two units at most, without a sign."""
    seconds = abs(length.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    rest = round(seconds)
    parts: list[str] = []
    for one, many, size in _UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {one if amount == 1 else many}")
        elif parts:
            break
    return " ".join(parts[:2])


def timing(job: Job, *, now: datetime) -> str:
    """How early or late the job is, or was at its latest attempt; empty if it was never attempted."""
    if job.state in WAITING_STATES:
        if job.scheduled_at > now:
            return f"in {span(job.scheduled_at - now)}"
        return f"{span(now - job.scheduled_at)} late"
    if job.attempted_at is None or job.attempted_at < job.scheduled_at:
        return ""
    return f"began {span(job.attempted_at - job.scheduled_at)} late"


def is_late(job: Job, *, now: datetime, after: timedelta) -> bool:
    return job.state in WAITING_STATES and job.scheduled_at <= now - after


def state(job: Job, *, holder: Process | None, last_error: str, now: datetime) -> str:
    """One or two sentences. `holder` is the process whose lease the job is under, where there still is one."""
    if job.state == JobState.EXECUTING:
        return _executing(job, holder=holder, now=now)
    if job.state in WAITING_STATES:
        return _waiting(job, last_error=last_error, now=now)
    return _ended(job, last_error=last_error)


def _waiting(job: Job, *, last_error: str, now: datetime) -> str:
    due = f"due in {span(job.scheduled_at - now)}"
    if job.scheduled_at <= now:
        who = "its queue has not let it start" if job.queue_id else "no worker has taken it"
        who = "beat has not fired it" if job.is_upcoming else who
        due = f"overdue by {span(now - job.scheduled_at)}: {who} yet"
    if job.is_upcoming:
        return f"The upcoming run of its schedule, {due}."
    if not job.attempt:
        return f"Waiting for its first attempt, {due}."
    because = f" ({last_error})" if last_error else ""
    return f"Attempt {job.attempt} of {job.max_attempts} is over{because}. The next one is {due}."


def _executing(job: Job, *, holder: Process | None, now: datetime) -> str:
    since = "" if job.attempted_at is None else f" for {span(now - job.attempted_at)}"
    began = f"Attempt {job.attempt} of {job.max_attempts} has been on the wire{since}"
    if holder is None:
        return f"{began}, under the lease of a process that is gone. A worker takes it back within seconds."
    if holder.lease_expires_at <= now:
        expired = span(now - holder.lease_expires_at)
        return f"{began}, under the lease of {holder}, which ran out {expired} ago. A worker takes it back."
    return f"{began}, under the lease of {holder}."


def _ended(job: Job, *, last_error: str) -> str:
    assert job.state in FINISHED_STATES
    if job.state == JobState.CANCELLED:
        return f"Cancelled after {_attempts(job.attempt)}." if job.attempt else "Cancelled before its first attempt."
    if job.state == JobState.COMPLETED:
        return f"Completed at attempt {job.attempt} of {job.max_attempts}."
    because = f" The last error: {last_error}." if last_error else ""
    return f"Given up after {_attempts(job.attempt)} of {job.max_attempts}.{because}"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"
