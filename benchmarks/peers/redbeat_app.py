"""celery-redbeat: entries in Redis, one beat at work at a time."""

import time
from datetime import UTC, datetime, timedelta

from celery import Celery
from celery.schedules import schedule
from redbeat import RedBeatSchedulerEntry

from benchmarks.peers import beat

app = Celery("redbeat_app", broker=beat.HANDED_OVER)
app.conf.update(
    timezone="UTC",
    beat_scheduler="redbeat.RedBeatScheduler",
    beat_max_loop_interval=5,  # as its documentation advises, and as django-celery-beat has it
    redbeat_redis_url=beat.HANDED_OVER,
    redbeat_lock_timeout=60,
)
_DAY = schedule(run_every=timedelta(days=1), app=app)


def _save(name: str, *, queue: str, last_run_at: datetime | None) -> None:
    RedBeatSchedulerEntry(name, "get", _DAY, options={"queue": queue}, last_run_at=last_run_at, app=app).save()


def fill(count: float, in_the_wave: float) -> None:
    now = datetime.now(UTC)
    for number in range(int(count)):
        kind = "wave" if number < in_the_wave else "idle"
        _save(f"{kind} {number}", queue=kind, last_run_at=now)


def add() -> float:
    """Seconds until a new entry, which is due at once, is sent."""
    _save(f"added {time.time()}", queue="added", last_run_at=datetime.now(UTC) - timedelta(days=2))
    return beat.seconds_until_added()


def due(at: float, in_the_wave: float) -> None:
    """The wave is due at the unix time `at`."""
    last_run_at = datetime.fromtimestamp(at, UTC) - timedelta(days=1)
    for number in range(int(in_the_wave)):
        entry = RedBeatSchedulerEntry(f"wave {number}", "get", _DAY, options={"queue": "wave"}, app=app)
        entry.reschedule(last_run_at)
