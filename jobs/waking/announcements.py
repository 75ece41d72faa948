"""Wake-ups out: tells workers what comes due, by the name of a task."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import kombu
from celery import current_app
from django.conf import settings
from django.db.models import QuerySet

from jobs.database import clock
from jobs.models import Delivery, Job, Queue
from jobs.waking.announcer import Announcer, Lane

# By name, so that who announces need not import what a worker runs.
TASKS = {Lane.JOBS: "booper.run_due", Lane.QUEUES: "booper.run_queued", Lane.DELIVERIES: "booper.deliver_due"}
_MOST_INSTANTS = 5000
# A wake-up that nobody took is worth nothing soon after: workers that come back find what is overdue by themselves.
_EXPIRES_AFTER = timedelta(seconds=60)


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
    """Wakes workers for jobs due at `instants`. Call it once they are committed. Never blocks, never fails."""
    announce(Lane.JOBS, instants)


def announce_job(job: Job) -> None:
    """The same for one job, be it in a queue or not."""
    announce(Lane.JOBS if job.queue_id is None else Lane.QUEUES, [job.scheduled_at])


def announce_queues(instants: Iterable[datetime]) -> None:
    """Wakes workers for queues ready at `instants`. Call it once they are committed. Never blocks, never fails."""
    announce(Lane.QUEUES, instants)


def announce_deliveries(instants: Iterable[datetime]) -> None:
    """Wakes workers for deliveries due at `instants`. Call it once they are committed. Never blocks, never fails."""
    announce(Lane.DELIVERIES, instants)


def announce(lane: Lane, instants: Iterable[datetime]) -> None:
    now = clock.now()
    horizon = now + timedelta(seconds=settings.WAKE_HORIZON_SECONDS)
    announcer.announce(lane, [instant for instant in instants if instant <= horizon], now=now)


def _publish(lane: Lane, instants: list[datetime]) -> None:
    """One message for each second that has something due, with its instants; `eta` is the first of them."""
    for _, group in groupby(instants, key=lambda instant: int(instant.timestamp())):
        together = list(group)
        timing: dict[str, Any] = {"expires": together[-1] + _EXPIRES_AFTER}
        if together[0] > datetime.now(UTC):
            timing["eta"] = together[0]
        arguments = ([instant.timestamp() for instant in together],)
        current_app.send_task(TASKS[lane], args=arguments, ignore_result=True, **timing)


announcer = Announcer(_publish)


# Names as the transports have them; each is set where settings.py has one for the transport in use.
_IMPATIENT = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "connect_timeout": 1,
    "read_timeout": 1,
    "max_retries": 0,
    "retry_on_timeout": False,
}
# Each of several Sentinels may have to be asked.
_IMPATIENT_WITH_A_SENTINEL = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}


def ask_broker() -> None:
    """Raises what the broker's client raises, within two seconds, if the broker does not take and give a message.

    A Redis that is a replica, or full, lets in whoever only connects.
    """
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    impatient = options | {name: value for name, value in _IMPATIENT.items() if name in options}
    if "sentinel_kwargs" in options:
        impatient["sentinel_kwargs"] = options["sentinel_kwargs"] | _IMPATIENT_WITH_A_SENTINEL
    with current_app.connection_for_write(transport_options=impatient) as broker:
        # Without kombu's own retries, which sleep for seconds in between.
        connection = broker.transport.establish_connection()
        try:
            with broker.transport.create_channel(connection) as channel:
                _pass_through(channel, is_amqp="amqp" in broker.transport.driver_type)
        finally:
            broker.transport.close_connection(connection)


def _pass_through(channel: Any, *, is_amqp: bool) -> None:
    # RabbitMQ names it, for this connection alone; elsewhere a name is all that a queue is.
    queue = kombu.Queue("" if is_amqp else "booper.probe", exclusive=True, durable=False, auto_delete=True)(channel)
    if is_amqp:
        queue.queue_declare()
    kombu.Producer(channel).publish({}, exchange="", routing_key=queue.name)
    if queue.get(no_ack=True) is None:
        raise ConnectionError("the broker took a message and does not have it")
