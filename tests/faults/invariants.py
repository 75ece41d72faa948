"""What must hold after any fault: each function a promise, its answer the cases where it was broken, in words."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from tests.faults.evidence import Evidence
from tests.processes.harness.record import JobRow
from tests.processes.harness.target import Arrival

Invariant = Callable[[Evidence], Iterator[str]]

# The database's clock is read every ten seconds and counted on from there: this much it may stray in between.
_CLOCK_SECONDS = 0.01
# These codes say that Booper lost the attempt; all others that the target failed it.
_LOST_CODES = {"lease_lost", "worker_stopped", "claim_lost"}
_TAKEN = range(200, 300)
_GONE = 410
_END_COLUMNS = {"completed": "completed_at", "cancelled": "cancelled_at", "discarded": "discarded_at"}


def every_job_that_was_answered_201_ended(evidence: Evidence) -> Iterator[str]:
    for job_id in evidence.ledger.promises:
        job = evidence.record.jobs.get(job_id)
        if job is None:
            yield f"job {job_id} is gone"
        elif job.state not in _END_COLUMNS:
            yield f"job {job_id} is {job.state} still, attempt {job.attempt}, worker {job.worker_id}"


def a_completed_job_was_answered_2xx_by_its_target(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        statuses = [arrival.status or 0 for arrival in evidence.sent.get(job.id, [])]
        if job.state == "completed" and not any(status in _TAKEN for status in statuses):
            yield f"job {job.id} is completed, its target answered {statuses}"


def a_discarded_job_failed_as_often_as_it_may(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        errors = evidence.events(job.id, "job.error")
        is_gone = any(arrival.status == _GONE for arrival in evidence.sent.get(job.id, []))
        if job.state == "discarded" and len(errors) < job.max_attempts and not is_gone:
            yield f"job {job.id} was discarded after {len(errors)} errors of {job.max_attempts}"


def each_job_has_one_end(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        marks = [state for state, column in _END_COLUMNS.items() if getattr(job, column) is not None]
        ends = len(evidence.events(job.id, "job.finished")) + len(evidence.events(job.id, "job.cancelled"))
        wanted = [job.state] if job.state in _END_COLUMNS else []
        if marks != wanted or ends != len(wanted):
            yield f"job {job.id} is {job.state}, is marked {marks}, and its log has {ends} ends"


def no_attempt_is_claimed_twice(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        claims = Counter(event.attempt for event in evidence.events(job.id, "job.started"))
        if claims != Counter(range(1, job.attempt + 1)):
            yield f"job {job.id} is at attempt {job.attempt}, its log has the claims {dict(claims)}"


def no_attempt_is_sent_twice_nor_out_of_turn(evidence: Evidence) -> Iterator[str]:
    for job_id, arrivals in evidence.sent.items():
        attempts = [arrival.attempt for arrival in arrivals]
        if attempts != sorted(set(attempts)):
            yield f"job {job_id} was sent as attempts {attempts}"


def a_repeat_follows_a_failure_or_a_fault_that_caught_the_attempt_on_the_wire(evidence: Evidence) -> Iterator[str]:
    for job_id, earlier in _repeated(evidence):
        code = evidence.error_code(job_id, earlier.attempt)
        if code is None:
            yield f"job {job_id} was sent again after attempt {earlier.attempt}, of which no error is logged"
        elif code in _LOST_CODES and not _faults_on_the_wire(evidence, job_id, earlier):
            span = f"from {earlier.at:.3f} to {earlier.answered_at}"
            yield f"job {job_id} was sent again after attempt {earlier.attempt}, {code} without a fault {span}"


def _repeated(evidence: Evidence) -> Iterator[tuple[int, Arrival]]:
    """Each request that another one of the same job came after."""
    for job_id, arrivals in evidence.sent.items():
        for earlier in arrivals[:-1]:
            yield job_id, earlier


def _faults_on_the_wire(evidence: Evidence, job_id: int, arrival: Arrival) -> list[str]:
    if arrival.answered_at is not None:
        until = evidence.recorded_by(arrival.answered_at)
    else:
        until = evidence.events(job_id, "job.error", attempt=arrival.attempt)[0].inserted_at.timestamp()
    return evidence.worker_faults(arrival.at, until)


def repeats_carry_the_same_idempotency_key(evidence: Evidence) -> Iterator[str]:
    for job_id, arrivals in evidence.sent.items():
        keys = {arrival.headers.get("idempotency-key") for arrival in arrivals}
        if len(keys) != 1:
            yield f"job {job_id} was sent under {keys}"


def nothing_is_sent_before_it_is_due(evidence: Evidence) -> Iterator[str]:
    for job_id, arrivals in evidence.sent.items():
        promise = evidence.ledger.promises.get(job_id)
        for arrival in arrivals:
            due_at = _due_at(evidence, job_id, arrival.attempt)
            if promise is not None and arrival.attempt == 1:
                due_at = max(due_at, promise.due_at)
            if arrival.at < due_at - _CLOCK_SECONDS:
                yield f"job {job_id} attempt {arrival.attempt} came {due_at - arrival.at:.3f} s early"


def _due_at(evidence: Evidence, job_id: int, attempt: int) -> float:
    """When the log says that the attempt was due."""
    if attempt > 1:
        errors = evidence.events(job_id, "job.error", attempt=attempt - 1)
        retry_at = errors[0].payload["retry_at"] if errors else None
        return 0.0 if retry_at is None else datetime.fromisoformat(retry_at).timestamp()
    started = evidence.events(job_id, "job.started", attempt=1)
    return datetime.fromisoformat(started[0].payload["scheduled_at"]).timestamp() if started else 0.0


def nothing_is_claimed_after_its_cancel_nor_sent_long_after(evidence: Evidence) -> Iterator[str]:
    for job_id, answered_at in evidence.ledger.cancels.items():
        job = evidence.record.jobs[job_id]
        if job.cancelled_at is None:
            yield f"job {job_id} is {job.state}, its cancel was answered 200"
            continue
        late = [arrival for arrival in evidence.sent.get(job_id, []) if arrival.at > answered_at]
        for arrival in late:
            # Cancelled while it was executing, between the claim and the first byte: that is on the wire already.
            started = evidence.events(job_id, "job.started", attempt=arrival.attempt)
            is_claimed_before = bool(started) and started[0].inserted_at.timestamp() <= answered_at
            if not is_claimed_before or arrival.at > answered_at + evidence.dial_seconds:
                yield f"job {job_id} was sent {arrival.at - answered_at:.3f} s after its cancel was answered"


def webhooks_are_complete_and_numbered_without_holes(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        if job.webhook_url is None:
            continue
        rows = evidence.record.deliveries.get(job.id, [])
        numbers = sorted(row.sequence or 0 for row in rows if row.kind == "webhook")
        if numbers != list(range(1, job.event_count + 1)):
            yield f"job {job.id} counts {job.event_count} events, its webhooks are numbered {numbers}"


def a_job_that_ended_is_called_back_once(evidence: Evidence) -> Iterator[str]:
    for job in evidence.record.jobs.values():
        rows = [row for row in evidence.record.deliveries.get(job.id, []) if row.kind == "callback"]
        wanted = int(job.callback_url is not None and job.state in ("completed", "discarded"))
        if len(rows) != wanted:
            yield f"job {job.id} is {job.state} and has {len(rows)} callbacks"


def each_delivery_arrived_and_again_only_at_a_fault(evidence: Evidence) -> Iterator[str]:
    for rows in evidence.record.deliveries.values():
        for row in rows:
            arrivals = evidence.delivered.get(str(row.uuid), [])
            if row.state != "delivered" or not arrivals:
                yield f"{row.event} {row.sequence} of job {row.job_id} is {row.state}, arrived {len(arrivals)} times"
            for earlier in arrivals[:-1]:
                until = evidence.recorded_by(earlier.answered_at or evidence.now)
                if earlier.status in _TAKEN and not evidence.worker_faults(earlier.at, until):
                    span = f"from {earlier.at:.3f} to {earlier.answered_at}"
                    yield f"{row.event} {row.sequence} of job {row.job_id} came again without a fault {span}"


def each_enabled_schedule_has_one_upcoming_run(evidence: Evidence) -> Iterator[str]:
    upcoming = Counter(job.schedule_id for job in evidence.record.jobs.values() if job.is_upcoming)
    for schedule in evidence.record.schedules.values():
        wanted = int(schedule.disabled_at is None)
        if upcoming[schedule.id] != wanted:
            yield f"schedule {schedule.id} has {upcoming[schedule.id]} upcoming runs, not {wanted}"


def no_occurrence_of_a_schedule_runs_twice(evidence: Evidence) -> Iterator[str]:
    runs = Counter((job.schedule_id, job.occurrence_at) for job in evidence.record.jobs.values() if job.occurrence_at)
    for (schedule_id, occurrence_at), count in runs.items():
        if count > 1:
            yield f"schedule {schedule_id} has {count} runs for {occurrence_at}"


def nothing_executes_without_a_live_lease(evidence: Evidence) -> Iterator[str]:
    live = {row.id for row in evidence.record.processes.values() if row.lease_expires_at.timestamp() > evidence.now}
    for job in evidence.record.jobs.values():
        if (job.state == "executing") != (job.worker_id is not None) or not _is_covered(job, live):
            yield f"job {job.id} is {job.state} under worker {job.worker_id}"


def _is_covered(job: JobRow, live: set[UUID]) -> bool:
    return job.worker_id is None or job.worker_id in live


ALL: tuple[Invariant, ...] = (
    every_job_that_was_answered_201_ended,
    a_completed_job_was_answered_2xx_by_its_target,
    a_discarded_job_failed_as_often_as_it_may,
    each_job_has_one_end,
    no_attempt_is_claimed_twice,
    no_attempt_is_sent_twice_nor_out_of_turn,
    a_repeat_follows_a_failure_or_a_fault_that_caught_the_attempt_on_the_wire,
    repeats_carry_the_same_idempotency_key,
    nothing_is_sent_before_it_is_due,
    nothing_is_claimed_after_its_cancel_nor_sent_long_after,
    webhooks_are_complete_and_numbered_without_holes,
    a_job_that_ended_is_called_back_once,
    each_delivery_arrived_and_again_only_at_a_fault,
    each_enabled_schedule_has_one_upcoming_run,
    no_occurrence_of_a_schedule_runs_twice,
    nothing_executes_without_a_live_lease,
)


def broken(evidence: Evidence) -> list[str]:
    """Every case in which one of them does not hold, under its name."""
    return [f"{invariant.__name__}: {case}" for invariant in ALL for case in invariant(evidence)]


def repeats(evidence: Evidence) -> Counter[str]:
    """How often a job was sent again, by the code of the failure before."""
    repeated = _repeated(evidence)
    return Counter(evidence.error_code(job_id, earlier.attempt) or "unlogged" for job_id, earlier in repeated)


def counts(evidence: Evidence) -> str:
    """What happened, in a line of numbers."""
    states = Counter(job.state for job in evidence.record.jobs.values())
    sent = sum(len(arrivals) for arrivals in evidence.sent.values())
    again = repeats(evidence)
    lost = len(list(every_job_that_was_answered_201_ended(evidence)))
    parts = [
        f"{len(evidence.ledger.promises)} answered 201, {evidence.ledger.unanswered_count} unanswered",
        f"{len(evidence.record.jobs)} jobs: {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}",
        f"{sent} requests, {sum(again.values())} repeats {dict(again) or ''}".rstrip(),
        f"{sum(map(len, evidence.delivered.values()))} deliveries",
        f"{len(evidence.ledger.faults)} faults {dict(Counter(fault.kind for fault in evidence.ledger.faults)) or ''}",
        f"{lost} lost",
    ]
    return "; ".join(parts)
