"""Celery's doors, a few lines each: wake-ups in and out, and the worker's life."""

import gc
import logging
import os
import platform
import resource
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from celery import current_app, shared_task, signals
from django.conf import settings
from django.db.models import QuerySet

from booper import outbound, policy
from jobs import clock, deliveries, ledger, periodic_tasks, queued, retention, runner, schedule_transitions, tallies
from jobs.engine import Engine
from jobs.ledger import Writer
from jobs.models import Delivery, Job, Queue
from jobs.wakeups import Announcer, Lane

logger = logging.getLogger(__name__)

_MOST_INSTANTS = 5000
# With some hundred jobs in hand, Python's 700 made each batch walk all that is alive several times: a sixth of the CPU.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 20_000
_PRUNE_SECONDS = 30.0
# A wake-up that nobody took is worth nothing soon after: workers that come back find what is overdue by themselves.
_EXPIRES_AFTER = timedelta(seconds=60)
_LOOK_FOR_THE_END_SECONDS = 0.25
# With a broker that answers, it is a fraction of a second.
_CELERY_MAY_TAKE_SECONDS = 2.0


@shared_task(name="booper.run_due")
def run_due(instants: list[float]) -> None:
    """Wakes the worker for the jobs that are due at `instants` (unix seconds), the first of which has come."""
    _wake(Lane.JOBS, instants)


@shared_task(name="booper.run_queued")
def run_queued(instants: list[float]) -> None:
    """Wakes the worker for the queues that may start something at `instants` (unix seconds)."""
    _wake(Lane.QUEUES, instants)


@shared_task(name="booper.deliver_due")
def deliver_due(instants: list[float]) -> None:
    """Wakes the worker for the callbacks and webhooks that are due at `instants` (unix seconds)."""
    _wake(Lane.DELIVERIES, instants)


@shared_task(name=periodic_tasks.TASK)
def fire_schedule(schedule_id: str) -> None:
    """Fires a schedule's run if it is due. Booper's own beat does that itself; this is for any other."""
    now = clock.now()
    if schedule_transitions.fire_schedule(UUID(schedule_id), now=now):
        announce_jobs([now])


@shared_task(name="booper.prune")
def prune() -> None:
    """Deletes what is older than the retention settings, for half a minute at most: the rest is for the next time."""
    ends_at = time.monotonic() + _PRUNE_SECONDS
    pruned = retention.prune(now=clock.now(), pace=retention.Pace(has_time=lambda: time.monotonic() < ends_at))
    logger.info("pruned: %s", pruned)


def promote(reached: Mapping[Lane, datetime], *, now: datetime) -> dict[Lane, datetime]:
    """Sends the wake-ups for what comes due within the horizon, by index, however many rows wait.

    Only for what is due later than what was `reached` before: what is put in between is announced by who puts it there.
    Answers what is reached now, which is less than the horizon if there was too much for once.
    """
    until = now + timedelta(seconds=settings.WAKE_HORIZON_SECONDS)
    ready = Queue.objects.filter(ready_at__gt=now, ready_at__lte=until).values_list("ready_at", flat=True)
    announcer.announce(Lane.QUEUES, [at for at in ready[:_MOST_INSTANTS] if at is not None], now=now)
    return {
        Lane.JOBS: _promote(Lane.JOBS, Job.objects.due_between, reached, now=now, until=until),
        Lane.DELIVERIES: _promote(Lane.DELIVERIES, Delivery.objects.due_between, reached, now=now, until=until),
    }


def _promote(
    lane: Lane,
    due_between: Callable[[datetime, datetime], QuerySet[Any, datetime]],
    reached: Mapping[Lane, datetime],
    *,
    now: datetime,
    until: datetime,
) -> datetime:
    before = reached.get(lane, now)
    # Beyond the horizon, the clock was set back since.
    after = max(before, now) if before <= until else now
    instants = list(due_between(after, until)[:_MOST_INSTANTS])
    announcer.announce(lane, instants, now=now)
    return instants[-1] if len(instants) == _MOST_INSTANTS else until


def announce_jobs(instants: Iterable[datetime]) -> None:
    """To be called once the jobs due at `instants` are committed. Never blocks, never fails."""
    _announce(Lane.JOBS, instants)


def announce_job(job: Job) -> None:
    """The same for one job, be it in a queue or not."""
    _announce(Lane.JOBS if job.queue_id is None else Lane.QUEUES, [job.scheduled_at])


def announce_queues(instants: Iterable[datetime]) -> None:
    """To be called once what makes queues ready at `instants` is committed. Never blocks, never fails."""
    _announce(Lane.QUEUES, instants)


def announce_deliveries(instants: Iterable[datetime]) -> None:
    """To be called once the deliveries due at `instants` are committed. Never blocks, never fails."""
    _announce(Lane.DELIVERIES, instants)


def _announce(lane: Lane, instants: Iterable[datetime]) -> None:
    now = clock.now()
    horizon = now + timedelta(seconds=settings.WAKE_HORIZON_SECONDS)
    announcer.announce(lane, [instant for instant in instants if instant <= horizon], now=now)


def _publish(lane: Lane, instants: list[datetime]) -> None:
    """One message for each second that has something due, with its instants; `eta` is the first of them."""
    task = {Lane.JOBS: run_due, Lane.QUEUES: run_queued, Lane.DELIVERIES: deliver_due}[lane]
    for _, group in groupby(instants, key=lambda instant: int(instant.timestamp())):
        together = list(group)
        timing: dict[str, Any] = {"expires": together[-1] + _EXPIRES_AFTER}
        if together[0] > datetime.now(UTC):
            timing["eta"] = together[0]
        task.apply_async(args=([instant.timestamp() for instant in together],), **timing)


announcer = Announcer(_publish)
_running: list[Engine] = []
_writers: list[Writer] = []


# Names as the transports have them; each is set where settings.py has one for the transport in use.
_IMPATIENT = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "connect_timeout": 1,
    "read_timeout": 1,
    "max_retries": 0,
    "retry_on_timeout": False,
}


def ask_broker() -> None:
    """Raises what the broker's client raises, within two seconds, if the broker does not answer."""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    impatient = options | {name: value for name, value in _IMPATIENT.items() if name in options}
    with current_app.connection_for_write(transport_options=impatient) as broker:
        # Without kombu's own retries, which sleep for seconds in between.
        broker.transport.close_connection(broker.transport.establish_connection())


def _wake(lane: Lane, instants: list[float]) -> None:
    for engine in _running:
        engine.wake(lane, [datetime.fromtimestamp(instant, UTC) for instant in instants])


@signals.worker_init.connect
def _check_pool(sender: Any, **_: Any) -> None:
    pool = f"{sender.pool_cls.__module__}.{sender.pool_cls.__name__}" if hasattr(sender, "pool_cls") else ""
    if "thread" not in pool and "solo" not in pool:
        # Celery logs an Exception that a receiver raises, and goes on.
        raise SystemExit(f"the worker's pool is {pool}: start it with --pool threads")


def _allow_open_files(wanted: int) -> None:
    """A socket for each request on the wire, in every lane; many systems start processes with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        logger.warning(
            "at most %d open files are allowed: WORKER_CONCURRENCY=%d needs %d",
            most,
            settings.WORKER_CONCURRENCY,
            wanted,
        )


# Before the broker is looked for: a worker that starts while it is away finds its work in the database all the same.
@signals.celeryd_after_setup.connect
def _start_engine(sender: str, **_: Any) -> None:
    # Three lanes, and connections that are kept idle.
    _allow_open_files(3 * settings.WORKER_CONCURRENCY + 800)
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 10, 10)
    rules = policy.Policy(
        allow_http=settings.BOOPER_ALLOW_HTTP_TARGETS,
        allowed_networks=tuple(settings.BOOPER_ALLOWED_TARGET_NETWORKS),
        max_response_bytes=settings.MAX_RESPONSE_BYTES,
    )
    engine = Engine(
        name=sender,
        stages={Lane.JOBS: runner, Lane.QUEUES: queued, Lane.DELIVERIES: deliveries},
        make_sender=lambda: outbound.Sender(rules),
        announce=_announce,
        concurrency=settings.WORKER_CONCURRENCY,
        lease=timedelta(seconds=settings.LEASE_SECONDS),
    )
    engine.start()
    _running.append(engine)
    threading.Thread(target=_see_out, args=(engine,), name="engine-end", daemon=True).start()
    tallies.own.set_gauge(tallies.CONCURRENCY, settings.WORKER_CONCURRENCY)
    _writers.append(ledger.keep(sender))


def _see_out(engine: Engine) -> None:
    """Ends a worker that was told to stop in time, whatever Celery waits for: a hung broker would hold it for ever."""
    while not engine.is_stopping:
        time.sleep(_LOOK_FOR_THE_END_SECONDS)
    engine.shut_down(grace=timedelta(seconds=settings.SHUTDOWN_GRACE_SECONDS))
    time.sleep(_CELERY_MAY_TAKE_SECONDS)
    logger.warning("Celery has not ended by itself, the worker ends without it: nothing is lost")
    logging.shutdown()
    os._exit(0)


@signals.beat_init.connect
def _count(**_: Any) -> None:
    _writers.append(ledger.keep(f"beat@{platform.node()}"))


@signals.worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    for engine in _running:
        engine.stop_claiming()


@signals.worker_shutdown.connect
def _shut_down(**_: Any) -> None:
    for engine in _running:
        engine.shut_down(grace=timedelta(seconds=settings.SHUTDOWN_GRACE_SECONDS))
    for writer in _writers:
        writer.stop()
    announcer.flush(timeout_seconds=1.0)
