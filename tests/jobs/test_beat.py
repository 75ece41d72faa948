"""The scheduler that `celery beat` runs: what its ticks do, whatever fails in them."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from config.celery import app
from jobs import beat as jobs_beat
from jobs.models import Job, Schedule
from jobs.recurring import beat_edits, firing
from jobs.telemetry import signs_of_life
from jobs.waking import announcements
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_schedule

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def beat(monkeypatch, stopped_clock: StoppedClock, announced: Announced) -> jobs_beat.Scheduler:
    """One that has taken notice of what there is."""
    # A test's transaction would go with it.
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(announcements.announcer, "announce", lambda *_, **__: None)
    monkeypatch.setattr(jobs_beat.Scheduler, "apply_async", lambda *args, **kwargs: None)
    beat = jobs_beat.Scheduler(app=app, lazy=False)
    beat.tick()
    return beat


def upcoming_times() -> list[object]:
    return list(Job.objects.filter(is_upcoming=True).order_by("id").values_list("scheduled_at", flat=True))


def test_a_tick_fires_what_is_due_and_announces_it(
    beat: jobs_beat.Scheduler, stopped_clock: StoppedClock, announced: Announced
):
    make_schedule(first=NOON + MINUTE)
    beat.tick()
    assert upcoming_times() == [NOON + MINUTE]
    stopped_clock.advance(minutes=1)
    beat.tick()
    assert upcoming_times() == [NOON + 2 * MINUTE]
    assert NOON + MINUTE in announced.jobs


def test_it_sleeps_until_the_next_run_and_never_for_more_than_half_a_second(
    beat: jobs_beat.Scheduler, stopped_clock: StoppedClock
):
    make_schedule(first=NOON + MINUTE)
    assert beat.tick() == 0.5
    stopped_clock.advance(seconds=59.75)
    assert beat.tick() == 0.25


def test_what_was_edited_while_there_was_no_beat_is_taken_over_at_its_start(beat: jobs_beat.Scheduler):
    make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.filter(booper_schedule__isnull=False).update(enabled=False)
    PeriodicTasks.update_changed()
    jobs_beat.Scheduler(app=app, lazy=False).tick()
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_all_edits_are_taken_over_however_many_were_made_at_once(monkeypatch, beat: jobs_beat.Scheduler):
    monkeypatch.setattr(jobs_beat, "_EDITS", 2)
    for _ in range(5):
        make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.filter(booper_schedule__isnull=False).update(enabled=False)
    PeriodicTasks.update_changed()
    assert [beat.tick() for _ in range(3)] == [0.0, 0.0, 0.5]
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_edits_that_could_not_be_taken_over_are_at_the_next_tick(monkeypatch, beat: jobs_beat.Scheduler):
    make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.filter(booper_schedule__isnull=False).update(enabled=False)
    PeriodicTasks.update_changed()
    with monkeypatch.context() as patched:
        patched.setattr(beat_edits, "apply", _fail)
        beat.tick()
    assert Schedule.objects.filter(disabled_at__isnull=True).exists()
    beat.tick()
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_a_part_that_fails_stops_no_other(monkeypatch, beat: jobs_beat.Scheduler):
    make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.filter(booper_schedule__isnull=False).update(enabled=False)
    PeriodicTasks.update_changed()
    monkeypatch.setattr(firing, "fire_due", _fail)
    assert beat.tick() <= 0.5
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_its_probe_hears_each_tick_and_what_it_waits_for(monkeypatch, beat: jobs_beat.Scheduler):
    signs = signs_of_life.SignsOfLife()
    monkeypatch.setattr(signs_of_life, "own", signs)
    assert not signs.look().is_live
    beat.tick()
    assert signs.look().is_ready
    with monkeypatch.context() as patched:
        patched.setattr(firing, "fire_due", _lose_the_database)
        beat.tick()
    assert (signs.look().is_live, str(signs.look())) == (True, "the database: connection refused")
    beat.tick()
    assert signs.look().is_ready


def test_its_probe_hears_that_the_broker_is_away(monkeypatch, beat: jobs_beat.Scheduler):
    signs = signs_of_life.SignsOfLife()
    monkeypatch.setattr(signs_of_life, "own", signs)
    monkeypatch.setattr(announcements.announcer, "_is_failing", True)
    beat.tick()
    assert (signs.look().is_live, str(signs.look())) == (True, "the broker: wake-ups can't be published")


def _lose_the_database(*args: object, **kwargs: object) -> None:
    raise OperationalError("connection refused")


def _fail(*args: object, **kwargs: object) -> None:
    raise RuntimeError("a part that is broken")
