"""What holds work up in a system that is sound: switches that somebody set, places that are taken, targets that fail.

Each look is a query or two, however much waits.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django_celery_beat.models import PeriodicTask

from booper.timing.spans import span
from jobs.database import row_counts
from jobs.guarding import suspension
from jobs.models import Queue, Receiver, Tally, User
from jobs.operating.findings import Check, Level, Trouble, examples
from jobs.telemetry import counter_rows, counters

_MOST = 1000
_STUCK_AFTER = timedelta(seconds=60)
# What a process says of itself, it says each five seconds.
_SAID_WITHIN = timedelta(seconds=30)
_FULL = 0.9
_PRUNE = "booper.prune"
# So many receivers that fail are no longer each its owner's own matter.
_MANY_RECEIVERS = 10


def _paused(now: datetime) -> Iterator[Trouble]:
    since = suspension.paused_at()
    if since is not None:
        yield Trouble(
            f"the instance is paused for {span(now - since)}: jobs are taken, and none starts",
            "manage.py unpause",
            Level.WARNING,
        )


def _suspended(now: datetime) -> Iterator[Trouble]:
    names = list(User.objects.filter(suspended_at__isnull=False).order_by("-suspended_at").values_list("email")[:_MOST])
    if names:
        yield Trouble(
            f"nothing of {len(names)} suspended users starts: {examples([name for (name,) in names])}",
            "manage.py resume EMAIL",
            Level.WARNING,
        )


def _prune(now: datetime) -> Iterator[Trouble]:
    enabled = PeriodicTask.objects.filter(name=_PRUNE).values_list("enabled", flat=True).first()
    if enabled is False:
        remedy = f"switch {_PRUNE} on in django-celery-beat's admin, or run manage.py prune"
        yield Trouble(f"the entry {_PRUNE} is switched off: nothing old is deleted", remedy, Level.WARNING)


def _queues(now: datetime) -> Iterator[Trouble]:
    stuck = list(Queue.objects.stuck(now - _STUCK_AFTER).order_by("ready_at").values_list("name", flat=True)[:_MOST])
    if stuck:
        yield Trouble(
            f"{len(stuck)} queues may start jobs, and no worker has looked for a minute: {examples(stuck)}",
            "see that workers run and are not full, and that their owners have places left (/api/limits)",
            Level.WARNING,
        )


def _places(now: datetime) -> Iterator[Trouble]:
    rows = _fresh(now)
    most = sum(row.gauges.get(counters.CONCURRENCY, 0) for row in rows)
    taken = sum(row.gauges.get(counters.IN_FLIGHT, 0) for row in rows)
    if most and taken >= _FULL * most:
        yield Trouble(
            f"workers have {taken:.0f} of their {most:.0f} places taken: what is due waits for one",
            "targets may hang (booper_request_duration_seconds): shorter timeouts, more workers, or a higher "
            "WORKER_CONCURRENCY",
            Level.WARNING,
        )


def _parked(now: datetime) -> Iterator[Trouble]:
    parked = {label for row in _fresh(now) for label in counters.by_label(row.gauges, counters.PARKED)}
    if parked:
        yield Trouble(
            f"{len(parked)} hosts of tenants are parked, as they brought failures alone: "
            f"{examples(sorted(label.partition('|')[2] for label in parked))}",
            "nothing, if it is they who are down: they are tried again; many at once: see the network out",
            Level.WARNING,
        )


def _fresh(now: datetime) -> list[Tally]:
    return [row for row in counter_rows.read() if now - row.flushed_at < _SAID_WITHIN]


def _receivers(now: datetime) -> Iterator[Trouble]:
    failing = row_counts.up_to(Receiver.objects.failing().filter(disabled_at__isnull=True), _MOST)
    if failing > _MANY_RECEIVERS:
        yield Trouble(
            f"{failing} receivers of callbacks and webhooks fail at once",
            "see by booper_delivery_attempts_total, or at /api/receivers, whether it is the way out",
            Level.WARNING,
        )


CHECKS = (
    Check("pause", "the instance is not paused", _paused),
    Check("suspended users", "there are none", _suspended),
    Check("pruning", f"the entry {_PRUNE} is switched on", _prune),
    Check("queues", "workers look into those that may start jobs", _queues),
    Check("places", "workers have some left", _places),
    Check("parked hosts", "there are none", _parked),
    Check("receivers", "few fail", _receivers),
)
