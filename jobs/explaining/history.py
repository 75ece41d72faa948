"""What the log says of a job's runs: each attempt, and from when to when the job was in which state. No queries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jobs.models import UNFINISHED_STATES, EventType, Job, JobState, LogEvent

# Something went wrong, but not with the attempt.
NO_FAILURES = ("set_refused", "steering_refused", "child_refused")


@dataclass(frozen=True, slots=True)
class Attempt:
    """`error` is what the log has of its failure: `code`, `message`, `retry_at`."""

    number: int
    due_at: datetime
    began_at: datetime
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """`is_due`: it waits though it is due, for whoever is to take it up."""

    state: str
    begins_at: datetime
    ends_at: datetime
    is_due: bool = False

    @property
    def seconds(self) -> float:
        return (self.ends_at - self.begins_at).total_seconds()


@dataclass(frozen=True, slots=True)
class End:
    """`reason` is why a job was cancelled."""

    at: datetime
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class History:
    """`end` is None for a job that has not ended; `is_complete`: no row of the log is missing at its beginning."""

    attempts: Sequence[Attempt]
    spans: Sequence[Span]
    end: End | None
    is_complete: bool

    def seconds_in_states(self) -> dict[str, float]:
        added: dict[str, float] = {}
        for span in self.spans:
            added[span.state] = added.get(span.state, 0.0) + span.seconds
        return added


def read(job: Job, events: Sequence[LogEvent], *, now: datetime) -> History:
    """`events` are those of the job itself, without its deliveries', in their order."""
    is_complete = _is_complete(job, events)
    walk = _Walk(job, begins_at=job.inserted_at if is_complete else None)
    for event in events:
        walk.take(event)
    walk.finish(now)
    if not events and job.attempt:
        walk.spans = _last_attempt(job, now=now)
    return History(walk.attempts, walk.spans, walk.end or _end(job), is_complete)


def _is_complete(job: Job, events: Sequence[LogEvent]) -> bool:
    if not job.attempt:
        return True
    # What was replaced had not started.
    first = next((event for event in events if event.event != EventType.REPLACED), None)
    return first is not None and first.event == EventType.STARTED and first.attempt == 1


class _Walk:
    """Goes through a job's events, and notes what ends with each."""

    def __init__(self, job: Job, *, begins_at: datetime | None) -> None:
        self.attempts: list[Attempt] = []
        self.spans: list[Span] = []
        self.end: End | None = None
        self._job = job
        self._state: str = JobState.SCHEDULED
        # When the present state began; None where the log does not reach back.
        self._since = begins_at

    def take(self, event: LogEvent) -> None:
        match event.event:
            case EventType.STARTED:
                self._start(event)
            case EventType.ERROR if event.payload.get("code") not in NO_FAILURES:
                self._fail(event)
            case EventType.FINISHED:
                self._finish(event, str(event.payload.get("state")), None)
            case EventType.CANCELLED:
                self._finish(event, JobState.CANCELLED, event.payload.get("reason"))

    def finish(self, now: datetime) -> None:
        """Adds the time up to the present, for a job that has not ended, or that was retried and has not begun yet."""
        if self._job.state not in UNFINISHED_STATES:
            return
        if self.end is not None:
            if self._job.state != JobState.RETRYABLE:
                # It ended between the reading of the job and of its log.
                return
            self._begin_again(self._job.scheduled_at)
        self._close(now, due_at=self._job.scheduled_at)

    def _start(self, event: LogEvent) -> None:
        due_at = datetime.fromisoformat(event.payload["scheduled_at"])
        if self.end is not None:
            self._begin_again(due_at)
        self._close(event.inserted_at, due_at=due_at)
        self.attempts.append(Attempt(event.attempt, due_at, event.inserted_at))
        self._state, self._since = JobState.EXECUTING, event.inserted_at

    def _fail(self, event: LogEvent) -> None:
        # The answer to a request that was on the wire when the job was cancelled comes after the end.
        if self.end is not None or self._state != JobState.EXECUTING:
            return
        if self.attempts:
            self.attempts[-1] = replace(self.attempts[-1], error=event.payload)
        if event.payload.get("retry_at"):
            self._close(event.inserted_at)
            self._state, self._since = JobState.RETRYABLE, event.inserted_at

    def _finish(self, event: LogEvent, state: str, reason: str | None) -> None:
        if self.end is None:
            self._close(event.inserted_at, due_at=self._job.scheduled_at)
            self.end = End(event.inserted_at, state, reason)

    def _begin_again(self, due_at: datetime) -> None:
        """Retried after its end, which no event tells: it was made due in that moment."""
        self.end, self._state, self._since = None, JobState.RETRYABLE, due_at

    def _close(self, at: datetime, *, due_at: datetime | None = None) -> None:
        if self._since is None:
            return
        if self._state == JobState.EXECUTING:
            self._add(Span(self._state, self._since, at))
        else:
            split_at = at if due_at is None else min(max(due_at, self._since), at)
            waited = JobState.AVAILABLE if self._state == JobState.SCHEDULED else self._state
            self._add(Span(self._state, self._since, split_at))
            self._add(Span(waited, split_at, at, is_due=True))
        self._since = at

    def _add(self, span: Span) -> None:
        if span.ends_at > span.begins_at:
            self.spans.append(replace(span, state=str(span.state)))


def _last_attempt(job: Job, *, now: datetime) -> list[Span]:
    """All that is known of a job whose log was pruned."""
    end = _end(job)
    if job.attempted_at is None or (end is None and job.state != JobState.EXECUTING):
        return []
    return [Span(JobState.EXECUTING.value, job.attempted_at, now if end is None else end.at)]


def _end(job: Job) -> End | None:
    """Reads the end from the job's columns, which do not say why it ended."""
    at = {
        JobState.COMPLETED.value: job.completed_at,
        JobState.DISCARDED.value: job.discarded_at,
        JobState.CANCELLED.value: job.cancelled_at,
    }.get(job.state)
    return None if at is None else End(at, job.state, None)
