"""Why a job ran late or has not run: a code for programs, and words for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q

from booper.timing import recurrence
from booper.timing.spans import span
from booper.timing.timestamps import timestamp
from jobs.database import row_counts
from jobs.explaining import parked as parked_hosts
from jobs.explaining.history import Attempt, End, History
from jobs.guarding import suspension
from jobs.models import WAITING_STATES, Job, JobState, Overlap, Process, ProcessRole, Queue, User
from jobs.operating import health
from jobs.recurring.firing import MISSED_AFTER

# What begins no later than this after it was due is on time.
PUNCTUAL = timedelta(seconds=2)
_MOST_AHEAD = 1000
_LEASE_LOST = "lease_lost"


class Code(StrEnum):
    SCHEDULED_LATER = "scheduled_later"
    WAITING_FOR_BEAT = "waiting_for_beat"
    NO_BEAT = "no_beat"
    WAITING_FOR_WORKER = "waiting_for_worker"
    NO_WORKERS = "no_workers"
    PAUSED = "paused"
    QUEUE_FULL = "queue_full"
    QUEUE_RATE = "queue_rate"
    WAITED_IN_QUEUE = "waited_in_queue"
    EXECUTING = "executing"
    RETRYING_UNTIL = "retrying_until"
    RETRIED = "retried"
    TARGET_FAILING = "target_failing"
    LEASE_LOST = "lease_lost"
    ON_TIME = "on_time"
    OVERLAP = "overlap"
    CATCH_UP = "catch_up"
    CALENDAR = "calendar"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Reason:
    """`until` is when that is over, where it is known."""

    code: Code
    message: str
    until: datetime | None = None


def of(job: Job, history: History, *, now: datetime) -> Reason:
    """Gives the reason why a job ran late or has not run, in at most five queries."""
    if history.end is not None:
        return _of_ended(job, history, history.end)
    if job.state == JobState.EXECUTING:
        return _of_executing(job, now=now)
    if job.scheduled_at > now:
        return _of_its_turn(job, now=now) or _of_early(job, history)
    held = _of_held(job)
    if held is not None:
        return held
    if job.is_upcoming:
        return _of_unfired(job, now=now)
    return _of_waiting(job, history, now=now)


def _of_early(job: Job, history: History) -> Reason:
    at = job.scheduled_at
    failed = _last_failed(history.attempts)
    if job.state == JobState.RETRYABLE and failed is not None:
        message = f"attempt {failed.number} of {job.max_attempts} failed ({_words_of(failed)}), the next one is due"
        return Reason(Code.RETRYING_UNTIL, f"{message} at {timestamp(at)}", at)
    what = "the next run of its schedule, due" if job.is_upcoming else "it is due"
    return Reason(Code.SCHEDULED_LATER, f"{what} at {timestamp(at)}{_left_out_before(job)}", at)


def _left_out_before(job: Job) -> str:
    """What the calendars of its schedule have left out before this run, in words; empty for nothing."""
    if not job.is_upcoming or job.schedule is None or job.occurrence_at is None or not job.schedule.calendar_names:
        return ""
    run = recurrence.left_out_before(job.schedule.rule, job.occurrence_at)
    return "" if run is None else f"; skipped before it: {timestamp(run.at)}, as {run.note}"


def _of_its_turn(job: Job, *, now: datetime) -> Reason | None:
    """None if it does not wait for the run before it."""
    if not job.is_upcoming or job.schedule is None or job.schedule.overlap != Overlap.QUEUE:
        return None
    due_at = None if job.occurrence_at is None else job.schedule.due_at(job.occurrence_at)
    if due_at is None or due_at > now:
        return None
    return Reason(Code.OVERLAP, f"due since {timestamp(due_at)}, it waits until the run before it has ended")


def _of_held(job: Job) -> Reason | None:
    """Says how the operator holds the job up; None if they let it start."""
    since = suspension.paused_at()
    if since is not None:
        return Reason(Code.PAUSED, f"the operator has paused this instance, since {timestamp(since)}: nothing is lost")
    suspended_at = User.objects.filter(id=job.user_id).values_list("suspended_at", flat=True).first()
    if suspended_at is not None:
        message = f"the operator has suspended its owner, since {timestamp(suspended_at)}: nothing is lost"
        return Reason(Code.PAUSED, message)
    return None


def _of_unfired(job: Job, *, now: datetime) -> Reason:
    overdue = span(now - job.scheduled_at)
    if _is_anyone_alive(ProcessRole.BEAT, now=now):
        return Reason(Code.WAITING_FOR_BEAT, f"due for {overdue}, and beat has not fired it yet")
    message = f"due for {overdue}, but no beat is running to fire it: start one with `celery -A config beat`"
    return Reason(Code.NO_BEAT, message)


def _of_waiting(job: Job, history: History, *, now: datetime) -> Reason:
    if job.queue is not None:
        held_up = _of_queue(job.queue, now=now)
        if held_up is not None:
            return held_up
    overdue = span(now - job.scheduled_at)
    if not _is_anyone_alive(ProcessRole.WORKER, now=now):
        remedy = "start one with `celery -A config worker --pool threads`"
        return Reason(Code.NO_WORKERS, f"due for {overdue}, but no worker is running: {remedy}")
    parked = parked_hosts.of_url(job.user_id, job.url, now=now)
    if parked is not None:
        message = f"{parked.origin} has brought failures alone, since {timestamp(parked.since)}: a few requests try it"
        return Reason(Code.TARGET_FAILING, f"{message}, and what waits is let go once one gets through")
    last = history.attempts[-1] if history.attempts else None
    if last is not None and _was_lease_lost(last):
        lost = f"the worker that had attempt {last.number} on the wire is gone"
        return Reason(Code.LEASE_LOST, f"{lost}; it waits for another one, since {timestamp(job.scheduled_at)}")
    return Reason(Code.WAITING_FOR_WORKER, f"due for {overdue}, {_words_of_ahead(job)}")


def _of_queue(queue: Queue, *, now: datetime) -> Reason | None:
    """Says how the queue holds a job up; None if it would let one start."""
    if queue.paused_at is not None:
        message = f"its queue {queue.name!r} is paused since {timestamp(queue.paused_at)}"
        return Reason(Code.PAUSED, f"{message}: PUT /api/queues/{queue.name} with paused false resumes it")
    if queue.concurrency is not None:
        running = Job.objects.filter(queue_id=queue.id, state=JobState.EXECUTING).count()
        if running >= queue.concurrency:
            message = f"its queue {queue.name!r} runs {running} at once, and no more than {queue.concurrency}"
            return Reason(Code.QUEUE_FULL, f"{message}: it waits for a place")
    tokens = queue.tokens_at(now)
    if tokens is not None and tokens < 1:
        per = f"{queue.rate_limit} each {queue.rate_seconds:g} s"
        return Reason(Code.QUEUE_RATE, f"its queue {queue.name!r} starts {per}, and has started as many")
    return None


def _words_of_ahead(job: Job) -> str:
    """How many of its owner's are to be taken up before it. How many others have is nobody's business but theirs."""
    same_line = Q(queue__isnull=True, user_id=job.user_id) if job.queue_id is None else Q(queue_id=job.queue_id)
    waiting = Job.objects.filter(same_line, state__in=WAITING_STATES, is_upcoming=False)
    ahead = row_counts.up_to(waiting.filter(scheduled_at__lt=job.scheduled_at), _MOST_AHEAD)
    if not ahead:
        return "and the next one of yours that a worker takes up"
    some = f"{_MOST_AHEAD} or more jobs" if ahead == _MOST_AHEAD else "1 job" if ahead == 1 else f"{ahead} jobs"
    return f"with {some} of yours due before it: the workers are busy"


def _of_executing(job: Job, *, now: datetime) -> Reason:
    if job.worker_id and Process.objects.filter(id=job.worker_id, lease_expires_at__gt=now).exists():
        since = span(now - (job.attempted_at or now))
        message = f"attempt {job.attempt} is on the wire for {since} and may take {job.timeout_seconds:g} s"
        return Reason(Code.EXECUTING, message)
    message = f"the worker that has attempt {job.attempt} on the wire does not answer"
    return Reason(Code.LEASE_LOST, f"{message}: another one takes the job up within seconds")


_CANCELLED_FOR = {
    "schedule_disabled": (Code.PAUSED, "its schedule was switched off before it was due"),
    "overlap": (Code.OVERLAP, "skipped, as the run before it was still going (overlap: skip)"),
    "skipped": (Code.SKIPPED, "skipped, as its owner asked for"),
    "overlap_cancel": (Code.OVERLAP, "cancelled, as the run after it was due (overlap: cancel)"),
    "catch_up": (Code.CATCH_UP, "skipped, as it was missed in an outage"),
    "expired": (Code.EXPIRED, "cancelled, as its first attempt had not begun when it expired"),
    "calendar": (Code.CALENDAR, "skipped, as its day is left out by a calendar of its schedule (skip_on, only_on)"),
}


def _of_ended(job: Job, history: History, end: End) -> Reason:
    if end.state == JobState.CANCELLED:
        code, message = _CANCELLED_FOR.get(end.reason or "", (Code.CANCELLED, "it was cancelled"))
        return Reason(code, f"{message}, at {timestamp(end.at)}")
    if end.state == JobState.DISCARDED:
        return _of_discarded(job, history)
    return _of_completed(job, history)


def _of_discarded(job: Job, history: History) -> Reason:
    failed = _last_failed(history.attempts)
    if failed is None:
        return Reason(Code.DISCARDED, f"{_attempts(job)} went wrong; the log is no longer kept")
    why = "no attempt was left" if failed.number >= job.max_attempts else "it was not to be retried"
    return Reason(Code.DISCARDED, f"{why} after attempt {failed.number} of {job.max_attempts}: {_words_of(failed)}")


def _attempts(job: Job) -> str:
    return "its only attempt" if job.attempt == 1 else f"all of its {job.attempt} attempts"


def _of_completed(job: Job, history: History) -> Reason:
    attempts = history.attempts
    if not attempts or not history.is_complete:
        return Reason(Code.ON_TIME, f"done in attempt {job.attempt}; its log is no longer kept")
    failed = _last_failed(attempts)
    if failed is not None:
        code = Code.LEASE_LOST if any(_was_lease_lost(attempt) for attempt in attempts) else Code.RETRIED
        return Reason(code, f"done in attempt {attempts[-1].number}; before it, {_words_of(failed)}")
    return _of_late(job, attempts[0])


def _of_late(job: Job, first: Attempt) -> Reason:
    late = max(first.began_at - first.due_at, timedelta(0))
    if late <= PUNCTUAL:
        return Reason(Code.ON_TIME, f"begun {span(late)} after it was due")
    fired_at = _fired_at(job)
    if fired_at is not None and fired_at - first.due_at > MISSED_AFTER:
        return Reason(Code.CATCH_UP, f"beat did not run when it was due, and made up for it {span(late)} later")
    if fired_at is not None and fired_at - first.due_at > late / 2:
        return Reason(Code.WAITING_FOR_BEAT, f"begun {span(late)} late: beat was late to fire it")
    if job.queue_id is not None:
        return Reason(Code.WAITED_IN_QUEUE, f"begun {span(late)} after it was due: it waited for its queue")
    return Reason(Code.WAITING_FOR_WORKER, f"begun {span(late)} late: no worker was free, or none was running")


def _fired_at(job: Job) -> datetime | None:
    """The run after it was written when it was fired."""
    if job.schedule_id is None or job.occurrence_at is None or job.is_backfilled:
        return None
    later = Job.objects.filter(schedule_id=job.schedule_id, id__gt=job.id, occurrence_at__isnull=False)
    return later.order_by("id").values_list("inserted_at", flat=True).first()


def _is_anyone_alive(role: ProcessRole, *, now: datetime) -> bool:
    return any(heartbeat.is_alive and heartbeat.role == role for heartbeat in health.heartbeats(now=now))


def _last_failed(attempts: Sequence[Attempt]) -> Attempt | None:
    return next((attempt for attempt in reversed(attempts) if attempt.error is not None), None)


def _was_lease_lost(attempt: Attempt) -> bool:
    return attempt.error is not None and attempt.error.get("code") == _LEASE_LOST


def _words_of(attempt: Attempt) -> str:
    error = attempt.error or {}
    return str(error.get("message") or error.get("code"))
