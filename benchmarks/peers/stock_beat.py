"""django-celery-beat with its own DatabaseScheduler, entries in PostgreSQL or SQLite."""

import importlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from celery import Celery
from django.core.management import call_command
from django.utils import timezone

from benchmarks.peers import beat

django.setup()
# Only now, for it brings models along.
models: Any = importlib.import_module("django_celery_beat.models")
schedulers: Any = importlib.import_module("django_celery_beat.schedulers")

app = Celery("stock_beat", broker=beat.HANDED_OVER)
app.conf.update(timezone="UTC", beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler")


def fill(count: float, in_the_wave: float) -> None:
    call_command("migrate", verbosity=0)
    day = models.IntervalSchedule.objects.create(every=1, period="days")
    common = {"task": "get", "interval": day, "last_run_at": timezone.now()}
    kinds = ["wave" if number < in_the_wave else "idle" for number in range(int(count))]
    models.PeriodicTask.objects.bulk_create(
        [models.PeriodicTask(name=f"{kind} {number}", queue=kind, **common) for number, kind in enumerate(kinds)],
        batch_size=2000,
    )


def add() -> float:
    """Seconds until a new entry, which is due at once, is sent."""
    hour, _ = models.IntervalSchedule.objects.get_or_create(every=1, period="hours")
    last_run_at = timezone.now() - timedelta(hours=2)
    name = f"added {time.time()}"
    models.PeriodicTask.objects.create(name=name, task="get", interval=hour, queue="added", last_run_at=last_run_at)
    return beat.seconds_until_added()


def due(at: float, in_the_wave: float) -> None:
    """The wave is due at the unix time `at`."""
    last_run_at = datetime.fromtimestamp(at, UTC) - timedelta(days=1)
    assert models.PeriodicTask.objects.filter(queue="wave").update(last_run_at=last_run_at) == in_the_wave
    models.PeriodicTasks.update_changed()


def reload() -> float:
    """Seconds that reading the schedule anew takes, which is done after every change."""
    scheduler = schedulers.DatabaseScheduler(app=app, lazy=True)
    began = time.monotonic()
    scheduler._heap = None
    scheduler.populate_heap()
    return time.monotonic() - began
