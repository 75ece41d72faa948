"""What /metrics says, for Prometheus: how much waits, how late it is, how attempts end. Cheap at a million rows.

What waits is counted in partial indexes, up to a limit. What has ended is estimated by the database, and counted by the
processes that ended it (jobs.telemetry.counters).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

import booper
from jobs.database import backlog, clock, row_counts, transactions
from jobs.models import (
    FINISHED_STATES,
    UNFINISHED_STATES,
    WAITING_STATES,
    Delivery,
    DeliveryState,
    Job,
    JobState,
    Process,
    ProcessRole,
    Queue,
    Receiver,
    Tally,
)
from jobs.telemetry import busiest, counter_rows, counters, exemplars
from jobs.telemetry.counters import Histogram
from jobs.telemetry.exemplars import Exemplar as Noted

# Counting stops here, where "a great many" is all there is to know and an exact number would cost.
MOST = 100_000
# So many waiting jobs are told apart by their state one by one, which means to read their rows.
MOST_READ = 10_000
# What is due for longer than this should have been taken up by now.
OVERDUE_AFTER = timedelta(seconds=60)
_GAUGES_KEPT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows there are: the dearest figures to find out, and as good when they are minutes old."""

    jobs: Mapping[str, int]
    deliveries: int
    # For how many seconds the oldest row of each kind should have been deleted.
    behind: Mapping[str, float] = field(default_factory=dict)
    # How many such rows there are, up to backlog.MOST_ROWS.
    too_old: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Due:
    """What a worker could take up."""

    due: int
    overdue: int
    oldest_at: datetime | None

    def oldest_seconds(self, now: datetime) -> float:
        return 0.0 if self.oldest_at is None else max(0.0, (now - self.oldest_at).total_seconds())


def exposition(*, now: datetime, stored: Stored | None, with_exemplars: bool = False) -> bytes:
    """The text format that Prometheus reads; without the states that nobody knows of where `stored` is None.

    `with_exemplars`: OpenMetrics, which has room for a trace at each bucket of a histogram.
    """
    registry = CollectorRegistry()
    registry.register(_Snapshot(now, stored, with_exemplars=with_exemplars))
    if with_exemplars:
        written: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return written
    return generate_latest(registry)


def count_stored() -> Stored:
    return Stored(
        jobs=row_counts.by_state(Job, (*UNFINISHED_STATES, *FINISHED_STATES)),
        deliveries=row_counts.of_table(Delivery),
        behind=backlog.seconds_behind(now=clock.now()),
        too_old=backlog.rows_behind(now=clock.now()),
    )


class _Snapshot(Collector):
    def __init__(self, now: datetime, stored: Stored | None, *, with_exemplars: bool) -> None:
        self._now = now
        self._stored = stored
        self._with_exemplars = with_exemplars

    def describe(self) -> list[Metric]:
        """Nothing, or prometheus_client would collect all once more to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        began = time.perf_counter()
        now, rows = self._now, counter_rows.read(with_exemplars=self._with_exemplars)
        lanes = {"jobs": _due_jobs(now), "queues": _due_in_queues(now), "deliveries": _due_deliveries(now)}
        due = lanes["jobs"].due + lanes["queues"].due
        yield _labelled("jobs", _JOBS, "state", _jobs_by_state(now, self._stored, due=due))
        yield _labelled("deliveries", _DELIVERIES, "state", _deliveries_by_state(self._stored))
        yield from _retention(self._stored)
        yield from _backlogs(lanes, now=now)
        yield _gauge("queues_stuck", _STUCK, row_counts.up_to(Queue.objects.stuck(now - OVERDUE_AFTER), MOST))
        yield from _created()
        yield from _counted(counters.total(row.counts for row in rows))
        yield from _histograms(rows, with_exemplars=self._with_exemplars)
        yield from _beat(now)
        yield from _processes(now)
        fresh = [row for row in rows if now - row.flushed_at < _GAUGES_KEPT]
        yield from _workers(fresh, now=now)
        yield from _busiest([row.gauges for row in fresh])
        yield _labelled("receivers", "Receivers that fail, and those switched off for it.", "state", _receivers())
        yield _gauge("database_transaction_seconds", _TRANSACTION, _oldest_transaction_seconds())
        yield _labelled("build_info", "The version that answers, as a label.", "version", {booper.__version__: 1})
        yield _gauge("metrics_seconds", "How long it took to find all this out.", time.perf_counter() - began)


_BEHIND = "For how long the oldest row of a kind should have been deleted; a day of the log goes as a whole."
_TOO_OLD = f"Rows that should have been deleted, of the {backlog.MOST_ROWS} lowest of each kind."
_BY_HOST = f"Attempts of jobs in the last minute by host: the {busiest.MOST_SHOWN} busiest, the rest as other."
_BY_QUEUE = f"The same by named queue: the {busiest.MOST_SHOWN} busiest, the rest as other."
_STUCK = f"Queues that may start jobs, and none was looked for in them, for a minute; up to {MOST}."
_TRANSACTION = "For how long the oldest transaction of others in the database is open (PostgreSQL)."
_JOBS = f"Jobs by state: waiting ones counted up to {MOST}, those in other states estimated once there are many."
_DELIVERIES = f"Deliveries by state: all but the delivered ones counted up to {MOST}, those estimated."


def _retention(stored: Stored | None) -> Iterator[Metric]:
    behind, too_old = ({}, {}) if stored is None else (stored.behind, stored.too_old)
    yield _labelled("retention_behind_seconds", _BEHIND, "kind", behind)
    yield _labelled("retention_rows", _TOO_OLD, "kind", too_old)


def _oldest_transaction_seconds() -> float:
    return max((each.seconds for each in transactions.oldest(limit=1)), default=0.0)


def _due_jobs(now: datetime) -> _Due:
    return _due(Job.objects.due(now), Job.objects.due(now - OVERDUE_AFTER), "scheduled_at")


def _due_in_queues(now: datetime) -> _Due:
    """What waits here may well wait on purpose, for a place or a token."""
    waiting = _waiting(in_queues=True)
    due, overdue = waiting.filter(scheduled_at__lte=now), waiting.filter(scheduled_at__lte=now - OVERDUE_AFTER)
    oldest_at = due.aggregate(at=Min("scheduled_at"))["at"]
    return _Due(row_counts.up_to(due, MOST), row_counts.up_to(overdue, MOST), oldest_at)


def _due_deliveries(now: datetime) -> _Due:
    return _due(Delivery.objects.due(now), Delivery.objects.due(now - OVERDUE_AFTER), "due_at")


def _due(due: QuerySet[Any], overdue: QuerySet[Any], column: str) -> _Due:
    oldest_at = due.order_by(column).values_list(column, flat=True).first()
    return _Due(row_counts.up_to(due, MOST), row_counts.up_to(overdue, MOST), oldest_at)


def _waiting(*, in_queues: bool) -> QuerySet[Job]:
    return Job.objects.filter(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=not in_queues)


def _jobs_by_state(now: datetime, known: Stored | None, *, due: int) -> dict[str, int]:
    """All of Job.state_at's states. Beyond MOST_READ waiting jobs, one that is due again counts as available."""
    stored = {} if known is None else known.jobs
    parts = [_waiting(in_queues=False), _waiting(in_queues=True)]
    upcoming = row_counts.up_to(Job.objects.filter(is_upcoming=True), MOST)
    count = min(MOST, sum(row_counts.up_to(part, MOST) for part in parts))
    if count < MOST_READ:
        retryable = sum(part.filter(state=JobState.RETRYABLE).count() for part in parts)
        available = sum(part.filter(state=JobState.SCHEDULED, scheduled_at__lte=now).count() for part in parts)
    else:
        due = min(due, count)
        retryable, available = min(count - due, stored.get(JobState.RETRYABLE, 0)), due
        if count == MOST:
            count = max(count, stored.get(JobState.SCHEDULED, 0) + retryable - upcoming)
    return {
        "scheduled": count - retryable - available + upcoming,
        "available": available,
        "retryable": retryable,
        "executing": row_counts.up_to(Job.objects.filter(state=JobState.EXECUTING), MOST),
        **({} if known is None else {state.value: stored.get(state, 0) for state in FINISHED_STATES}),
    }


def _deliveries_by_state(known: Stored | None) -> dict[str, int]:
    others = [DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.FAILED]
    counted = {state.value: row_counts.up_to(Delivery.objects.filter(state=state), MOST) for state in others}
    if known is None:
        return counted
    return counted | {DeliveryState.DELIVERED.value: max(0, known.deliveries - sum(counted.values()))}


def _backlogs(lanes: Mapping[str, _Due], *, now: datetime) -> Iterator[Metric]:
    after = f"{OVERDUE_AFTER.total_seconds():g}"
    due = {name: lane.due for name, lane in lanes.items()}
    overdue = {name: lane.overdue for name, lane in lanes.items()}
    oldest = {name: lane.oldest_seconds(now) for name, lane in lanes.items()}
    yield _labelled("queue_due", f"What is due and not yet taken up, up to {MOST}.", "lane", due)
    yield _labelled("queue_overdue", f"What is due for more than {after} seconds, up to {MOST}.", "lane", overdue)
    yield _labelled("queue_oldest_seconds", "For how long the oldest of that is due; 0 for none.", "lane", oldest)


def _created() -> Iterator[Metric]:
    yield CounterMetricFamily(
        "booper_jobs_created", "Jobs ever created, by the ids given out.", row_counts.highest_id(Job)
    )
    ever = row_counts.highest_id(Delivery)
    yield CounterMetricFamily("booper_deliveries_created", "Deliveries ever created, by the ids given out.", ever)


def _counted(counts: Mapping[str, float]) -> Iterator[Metric]:
    """What processes counted; rates and quantiles come from these."""
    # A series that first appears with its first failure has no rate for that one.
    ends = dict.fromkeys(FINISHED_STATES, 0.0) | counters.by_label(counts, counters.JOBS_FINISHED)
    yield _rising("jobs_finished", "Jobs that ended, by how.", "state", ends)
    attempts = {counters.SUCCESS: 0.0, counters.LEASE_LOST: 0.0} | counters.by_label(counts, counters.ATTEMPTS)
    yield _rising("attempts", "Attempts that ended, by outcome: success, or what went wrong.", "outcome", attempts)
    deliveries = {counters.SUCCESS: 0.0} | counters.by_label(counts, counters.DELIVERY_ATTEMPTS)
    yield _rising("delivery_attempts", "Attempts at callbacks and webhooks, by outcome.", "outcome", deliveries)
    refused = {counters.NO_DATABASE: 0.0, counters.NO_THREAD: 0.0} | counters.by_label(counts, counters.UNAVAILABLE)
    yield _rising("unavailable", "Requests that the web answered 503, by what it lacked.", "reason", refused)


_HISTOGRAMS = {
    counters.LATENESS: "From the time an attempt was due to its start.",
    counters.REQUEST_DURATION: "From the start of a job's request to its end.",
    counters.DELIVERY_DURATION: "The same of callbacks and webhooks.",
}


def _histograms(rows: Sequence[Tally], *, with_exemplars: bool) -> Iterator[Metric]:
    counts = counters.total(row.counts for row in rows)
    for histogram, documentation in _HISTOGRAMS.items():
        noted = exemplars.latest((row.exemplars for row in rows), histogram) if with_exemplars else None
        yield _histogram(counts, histogram, documentation, noted)


def _beat(now: datetime) -> Iterator[Metric]:
    upcoming = Job.objects.filter(is_upcoming=True)
    count = row_counts.up_to(upcoming, MOST)
    next_at = upcoming.order_by("scheduled_at").values_list("scheduled_at", flat=True).first()
    lag = 0.0 if next_at is None else max(0.0, (now - next_at).total_seconds())
    yield _gauge("schedules_enabled", f"Schedules that have a next run, up to {MOST}.", count)
    yield _gauge("beat_lag_seconds", "How overdue the run is that beat is to fire next; 0 if it is not.", lag)


def _processes(now: datetime) -> Iterator[Metric]:
    """A role without any process has a count of 0 and no age."""
    is_alive = Count("id", filter=Q(lease_expires_at__gt=now))
    seen = Process.objects.order_by().values("role").annotate(alive=is_alive, last=Max("heartbeat_at"))
    by_role = {row["role"]: row for row in seen}
    alive = {role: by_role[role]["alive"] if role in by_role else 0 for role in ProcessRole.values}
    ages = {role: max(0.0, (now - row["last"]).total_seconds()) for role, row in by_role.items()}
    yield _labelled("processes", "Processes whose lease is valid.", "role", alive)
    yield _labelled("heartbeat_age_seconds", "Since the last heartbeat of any process of a role.", "role", ages)


def _workers(rows: Sequence[Tally], *, now: datetime) -> Iterator[Metric]:
    alive = Process.objects.filter(role=ProcessRole.WORKER, lease_expires_at__gt=now)
    names = dict(alive.values_list("id", "name"))
    executing = Job.objects.filter(worker_id__in=names, state=JobState.EXECUTING)
    held: dict[Any, int] = dict(executing.order_by().values_list("worker_id").annotate(Count("id")))
    fresh = sorted(rows, key=lambda row: row.flushed_at)
    limits = {row.name: row.gauges[counters.CONCURRENCY] for row in fresh if counters.CONCURRENCY in row.gauges}
    # What a worker has on the wire is for it to say: a job that was cancelled is there until it is broken off.
    said = {row.name: row.gauges[counters.IN_FLIGHT] for row in fresh if counters.IN_FLIGHT in row.gauges}
    in_flight = {name: said.get(name, held.get(process_id, 0)) for process_id, name in names.items()}
    parked = {label for row in fresh for label in counters.by_label(row.gauges, counters.PARKED)}
    yield _gauge("targets_parked", "Hosts of tenants that are parked, as they brought failures alone.", len(parked))
    yield _labelled("worker_in_flight", "Jobs that a worker has on the wire.", "worker", in_flight)
    yield _labelled("worker_concurrency", "How many it takes at most.", "worker", limits)


def _busiest(gauges: Sequence[Mapping[str, float]]) -> Iterator[Metric]:
    """Attempts by what tenants have named: bounded, and one query for the names of queues where there are any."""
    hosts = GaugeMetricFamily("booper_host_attempts_per_second", _BY_HOST, labels=["host", "outcome"])
    for host, rates in busiest.greatest(gauges, busiest.HOSTS).items():
        for outcome, rate in rates.items():
            hosts.add_metric([host, outcome], rate)
    yield hosts
    by_id = busiest.greatest(gauges, busiest.QUEUES)
    ids = [int(text) for text in by_id if text != busiest.OTHER]
    names = dict(Queue.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}
    queues = GaugeMetricFamily("booper_queue_attempts_per_second", _BY_QUEUE, labels=["queue", "queue_id", "outcome"])
    for text, rates in by_id.items():
        labels = [text, ""] if text == busiest.OTHER else [names.get(int(text), "deleted"), text]
        for outcome, rate in rates.items():
            queues.add_metric([*labels, outcome], rate)
    yield queues


def _receivers() -> dict[str, int]:
    found = Receiver.objects.failing().aggregate(
        failing=Count("id", filter=Q(disabled_at__isnull=True)), off=Count("id", filter=Q(disabled_at__isnull=False))
    )
    return {"failing": found["failing"], "off": found["off"]}


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"booper_{name}", documentation, value)


def _labelled(name: str, documentation: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"booper_{name}", documentation, labels=[label])
    for text, value in values.items():
        family.add_metric([text], value)
    return family


def _rising(name: str, documentation: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"booper_{name}", documentation, labels=[label])
    for text, value in sorted(values.items()):
        family.add_metric([text], value)
    return family


def _histogram(
    counts: Mapping[str, float], histogram: Histogram, documentation: str, noted: Mapping[str, Noted] | None
) -> HistogramMetricFamily:
    """`noted`: exemplars by place, for OpenMetrics, which writes bounds as `1.0`; None for the text format."""
    counted, total = counters.distribution(counts, histogram)
    buckets: Sequence[Any] = counted
    if noted is not None:
        buckets = [(_canonical(place), count, _exemplar(noted.get(place))) for place, count in counted]
    return HistogramMetricFamily(f"booper_{histogram.name}", documentation, buckets=buckets, sum_value=total)


def _canonical(place: str) -> str:
    return place if place == "+Inf" else str(float(place))


def _exemplar(noted: Noted | None) -> Exemplar | None:
    if noted is None:
        return None
    return Exemplar({"trace_id": noted.trace_id, "span_id": noted.span_id}, noted.value, noted.at)
