"""A worker process of Celery: starts the engine, and sees it out."""

import gc
import logging
import os
import platform
import resource
import threading
import time
from datetime import timedelta
from typing import Any

from celery import bootsteps, signals
from celery.worker.consumer import consumer as celery_consumer
from django.conf import settings

from booper.sending.sender import Sender
from booper.targets.policy import Policy
from jobs.database.outages import Outage
from jobs.delivering import stage as delivering_stage
from jobs.engine import hosts
from jobs.engine.bounded import Bounded
from jobs.engine.engine import Engine
from jobs.guarding import places
from jobs.running import queue_stage
from jobs.running import stage as running_stage
from jobs.telemetry import counter_rows, counters, signs_of_life
from jobs.telemetry.counter_rows import Writer
from jobs.waking import listeners
from jobs.waking.announcements import announce, announcer
from jobs.waking.announcer import Lane

logger = logging.getLogger(__name__)

# What Celery says at each try.
_CONNECTION_ERROR = celery_consumer.CONNECTION_ERROR  # type: ignore[attr-defined]
# With some hundred jobs in hand, Python's 700 made each batch walk all that is alive several times: a sixth of the CPU.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 20_000
_LOOK_FOR_THE_END_SECONDS = 0.25
# With a broker that answers, it is a fraction of a second.
_CELERY_MAY_TAKE_SECONDS = 2.0

_outage = Outage(
    logger, begins="the broker can't be reached, it is tried again until it can", ends="the broker is there again"
)
_running: list[Engine] = []
_writers: list[Writer] = []


class Consuming(bootsteps.StartStopStep):
    """Says whether Celery has a broker to take wake-ups from. Without one a worker lives, and finds its work later."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.stop(consumer)

    def start(self, consumer: Any) -> None:
        _outage.works()
        signs_of_life.own.have(signs_of_life.BROKER)

    def stop(self, consumer: Any) -> None:
        signs_of_life.own.wait_for(signs_of_life.BROKER, "wake-ups can't be taken from it")


class _ToldOnce(logging.Filter):
    """Has what Celery says at each try to reach the broker be said once a change."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg != _CONNECTION_ERROR or not isinstance(record.args, tuple):
            return True
        _outage.fails(" ".join(str(word) for word in record.args[1:2]))
        return False


@signals.worker_init.connect
def _report_broker(sender: Any, **_: Any) -> None:
    sender.app.steps["consumer"].add(Consuming)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(_ToldOnce())


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
def _start(sender: str, **_: Any) -> None:
    try:
        _start_engine(sender)
    except Exception:
        # Celery logs what a receiver raises and goes on: a worker that says it is ready, and never runs a job.
        logger.critical("the engine can't be started, the worker ends", exc_info=True)
        logging.shutdown()
        os._exit(70)


def policy_of_settings() -> Policy:
    """The policy that all leaves under, whichever lane it comes from."""
    return Policy(
        allow_http=settings.BOOPER_ALLOW_HTTP_TARGETS,
        allowed_networks=tuple(settings.BOOPER_ALLOWED_TARGET_NETWORKS),
        blocked_networks=tuple(settings.BOOPER_BLOCKED_TARGET_NETWORKS),
        ports=settings.BOOPER_TARGET_PORTS,
        proxy=settings.BOOPER_EGRESS_PROXY,
        max_response_bytes=settings.MAX_RESPONSE_BYTES,
    )


def _start_engine(sender: str) -> None:
    # Three lanes, and connections that are kept idle.
    _allow_open_files(3 * settings.WORKER_CONCURRENCY + 800)
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 10, 10)
    engine = Engine(
        name=sender,
        stages={
            Lane.JOBS: Bounded(running_stage),
            Lane.QUEUES: Bounded(queue_stage),
            Lane.DELIVERIES: Bounded(delivering_stage),
        },
        make_sender=lambda: Sender(policy_of_settings()),
        announce=announce,
        concurrency=settings.WORKER_CONCURRENCY,
        lease=timedelta(seconds=settings.LEASE_SECONDS),
        make_places=places.of_settings,
        targets=hosts.of_settings(),
        allowed_networks=settings.BOOPER_ALLOWED_TARGET_NETWORKS,
    )
    engine.start()
    _running.append(engine)
    listeners.listen(engine.wake)
    threading.Thread(target=_see_out, args=(engine,), name="engine-end", daemon=True).start()
    counters.own.set_gauge(counters.CONCURRENCY, settings.WORKER_CONCURRENCY)
    _writers.append(counter_rows.keep(sender))


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
    _writers.append(counter_rows.keep(f"beat@{platform.node()}"))


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
