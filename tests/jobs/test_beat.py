"""The scheduler that `celery beat` runs: what its ticks do, whatever fails in them."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from config.celery import app
from jobs import beat as jobs_beat
from jobs.database.lower_bounds import Look
from jobs.guarding import suspension
from jobs.models import Job, Schedule, User
from jobs.recurring import beat_edits, firing
from jobs.telemetry import signs_of_life
from jobs.waking import announcements
from jobs.waking.announcer import Announcer, Lane
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_schedule, make_user

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def beat(monkeypatch, stopped_clock: StoppedClock, announced: Announced) -> jobs_beat.Scheduler:
    """One that has taken notice of what there is."""
    # A test's transaction would go with it.
    monkeypatch.setattr(connection, "close", lambda: None)
    # Not the one of this process, which some other test may have left without a broker.
    announcer = Announcer(lambda lane, instants: None)
    monkeypatch.setattr(announcer, "announce", lambda *_, **__: None)
    monkeypatch.setattr(announcements, "announcer", announcer)
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


def test_a_thousand_runs_of_one_tenant_hold_up_no_run_of_another(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock, other_user: User
):
    # A fraction of what they are, and of what is due.
    monkeypatch.setattr(jobs_beat, "_BATCH", 20)
    monkeypatch.setattr(jobs_beat, "_BATCH_OF_SEVERAL", 10)
    for _ in range(60):
        make_schedule(first=NOON + MINUTE)
    stopped_clock.advance(minutes=1)
    beat.tick()
    modest = make_schedule(first=NOON + MINUTE + timedelta(seconds=1))
    for rows in (Schedule.objects.filter(id=modest.id), Job.objects.filter(schedule=modest)):
        rows.update(user=other_user)
    stopped_clock.advance(seconds=2)
    # With a breath after it where there is one writer at a time, as both have something due.
    assert (0.0 < beat.tick() <= 0.1) is (connection.vendor == "sqlite")
    assert Job.objects.filter(schedule=modest, is_upcoming=False).exists()
    beat.tick()
    # Nobody waits for what the other one leaves of its share, and no more is fired at once for a while.
    assert Job.objects.filter(is_upcoming=False).count() == 3 * 10
    beat.tick()
    assert Job.objects.filter(is_upcoming=False).count() == 4 * 10


def test_what_is_due_of_one_tenant_alone_is_fired_by_the_hundreds_from_the_second_tick_on(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock
):
    monkeypatch.setattr(jobs_beat, "_BATCH", 20)
    monkeypatch.setattr(jobs_beat, "_BATCH_OF_SEVERAL", 10)
    for _ in range(40):
        make_schedule(first=NOON + MINUTE)
    stopped_clock.advance(minutes=1)
    counts = []
    for _ in range(3):
        beat.tick()
        counts.append(Job.objects.filter(is_upcoming=False).count())
    assert counts == [10, 30, 40]


def test_schedules_that_somebody_holds_are_looked_at_in_a_while_and_others_by_their_shares(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock, other_user: User
):
    held, modest = make_schedule(first=NOON + MINUTE), make_schedule(first=NOON + MINUTE)
    for rows in (Schedule.objects.filter(id=modest.id), Job.objects.filter(schedule=modest)):
        rows.update(user=other_user)
    looks: list[int] = []

    def fire_none(*, shares: Sequence[Look] = (), **_: object) -> int:
        """As where all rows of a look are locked."""
        looks.append(len(shares))
        return 0

    stopped_clock.advance(minutes=1)
    with monkeypatch.context() as patched:
        patched.setattr(firing, "fire_due", fire_none)
        assert [beat.tick(), beat.tick()] == [0.05, 0.05]
    assert looks == [0, 2, 0]
    beat.tick()
    assert Job.objects.filter(schedule__in=[held, modest], is_upcoming=False).count() == 2


class Time:
    """Stands for the module: it goes on while something is fired, and not otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, firing_seconds: float) -> None:
        self.seconds = 100.0
        fire_due = firing.fire_due

        def fire_slowly(**arguments: Any) -> int:
            self.seconds += firing_seconds
            return fire_due(**arguments)

        monkeypatch.setattr(firing, "fire_due", fire_slowly)
        monkeypatch.setattr(jobs_beat, "time", self)

    def monotonic(self) -> float:
        return self.seconds


def test_however_long_firing_takes_the_next_look_from_the_beginning_is_not_put_off_by_it(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock
):
    Time(monkeypatch, firing_seconds=5.0)
    for _ in range(2):
        stopped_clock.advance(seconds=1)
        beat.tick()
    missed = make_schedule(first=NOON - timedelta(hours=1), now=NOON - timedelta(hours=2))
    stopped_clock.advance(seconds=1)
    beat.tick()
    assert Job.objects.filter(schedule=missed, is_upcoming=False).exists()


def test_its_breath_is_as_long_as_what_it_fired_took_and_a_tenth_of_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock, other_user: User
):
    monkeypatch.setattr(jobs_beat, "_BATCH_OF_SEVERAL", 2)
    for owner in (make_user(), other_user):
        ids = [make_schedule(first=NOON + MINUTE).id for _ in range(9)]
        for rows in (Schedule.objects.filter(id__in=ids), Job.objects.filter(schedule__in=ids)):
            rows.update(user=owner)
    stopped_clock.advance(minutes=1)
    beat.tick()
    is_sqlite = connection.vendor == "sqlite"
    for seconds, breath in ((0.03, 0.03), (5.0, 0.1)):
        with monkeypatch.context() as patched:
            Time(patched, firing_seconds=seconds)
            assert beat.tick() == pytest.approx(breath if is_sqlite else 0.0)


def test_runs_of_a_tenant_who_is_resumed_are_fired_at_once_however_dear_looks_are(
    monkeypatch: pytest.MonkeyPatch, beat: jobs_beat.Scheduler, stopped_clock: StoppedClock
):
    monkeypatch.setattr("jobs.database.lower_bounds.COST_SHARE", 1e6)
    held = make_schedule(first=NOON + MINUTE)
    monkeypatch.setattr(suspension, "LOOK_SECONDS", 0.0)
    beat._look_at = 0.0
    suspension.suspend(make_user(), now=NOON)
    for _ in range(2):
        stopped_clock.advance(minutes=2)
        beat.tick()
    assert not Job.objects.filter(schedule=held, is_upcoming=False).exists()
    suspension.resume(make_user(), now=NOON)
    stopped_clock.advance(seconds=1)
    beat.tick()
    beat.tick()
    assert Job.objects.filter(schedule=held, is_upcoming=False).exists()


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
    broken = Announcer(_lose_the_broker)
    broken._publish_quietly(Lane.JOBS, [NOON])
    monkeypatch.setattr(announcements, "announcer", broken)
    beat.tick()
    assert (signs.look().is_live, str(signs.look())) == (True, "the broker: wake-ups can't be published")


@pytest.mark.parametrize("part", ["last_change", "save"])
def test_what_django_celery_beat_says_of_a_database_that_is_away_is_one_line_a_change(
    monkeypatch, caplog, beat: jobs_beat.Scheduler, part: str
):
    with monkeypatch.context() as patched:
        if part == "save":
            patched.setattr(ModelEntry, "save", _lose_the_database)
        else:
            patched.setattr(PeriodicTasks, "last_change", _lose_the_database)
        for _ in range(20):
            beat._dirty.add("booper.prune")
            beat.tick()
            beat.sync()
            beat.schedule_changed()
    monkeypatch.setattr(beat._outage, "_quiet_seconds", 0.0)
    beat._dirty.clear()
    beat.tick()
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage().partition(" after ")[0] for record in said] == [
        "the database can't be worked with, it is tried again until it can: connection refused",
        "the database answers again",
    ]
    assert [record.exc_info for record in said] == [None, None]


def test_an_entry_that_can_not_be_sent_is_one_line_a_change(monkeypatch, caplog, beat: jobs_beat.Scheduler):
    [entry] = [entry for name, entry in beat.schedule.items() if name == "booper.prune"]
    caplog.set_level(logging.INFO)
    with monkeypatch.context() as patched:
        patched.setattr(jobs_beat.Scheduler, "apply_async", _lose_the_broker)
        for _ in range(20):
            beat.apply_entry(entry)
    beat.apply_entry(entry)
    beat.apply_entry(entry)
    assert [message.partition(" after ")[0] for message in caplog.messages] == [
        "the task of the entry booper.prune can't be sent: no route",
        "the task of the entry booper.prune is sent again",
    ]


def test_its_probe_hears_of_the_broker_also_where_it_has_nothing_to_announce(monkeypatch, beat: jobs_beat.Scheduler):
    signs = signs_of_life.SignsOfLife()
    monkeypatch.setattr(signs_of_life, "own", signs)
    [entry] = [entry for name, entry in beat.schedule.items() if name == "booper.prune"]
    with monkeypatch.context() as patched:
        patched.setattr(jobs_beat.Scheduler, "apply_async", _lose_the_broker)
        beat.apply_entry(entry)
        beat._say_how_it_fares(0.5)
    assert (signs.look().is_live, str(signs.look())) == (True, "the broker: wake-ups can't be published")
    beat.apply_entry(entry)
    beat._say_how_it_fares(0.5)
    assert signs.look().is_ready


def test_one_that_is_started_while_the_database_is_away_goes_on_once_it_is_there(
    monkeypatch, caplog, beat: jobs_beat.Scheduler
):
    """It would end otherwise, and be started again and again, later each time."""
    PeriodicTask.objects.all().delete()
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseScheduler, "all_as_schedule", _lose_the_database)
        patched.setattr(ModelEntry, "from_entry", _lose_the_database)
        late = jobs_beat.Scheduler(app=app, lazy=False)
        for _ in range(5):
            late.tick()
        assert not PeriodicTask.objects.filter(name="booper.prune").exists()
    late.tick()
    assert PeriodicTask.objects.filter(name="booper.prune").exists()
    assert "booper.prune" in late.schedule
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in said] == [
        "the database can't be worked with, it is tried again until it can: connection refused"
    ]
    assert [record.exc_info for record in said] == [None]


def test_a_part_that_is_broken_for_long_is_one_traceback(monkeypatch, caplog, beat: jobs_beat.Scheduler):
    monkeypatch.setattr(firing, "fire_due", _fail)
    for _ in range(20):
        beat.tick()
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "a part of beat's work failed" in record.getMessage()
    assert record.exc_info is not None


def test_a_broker_that_is_away_is_never_waited_for(beat: jobs_beat.Scheduler):
    assert beat.producer is None


def _lose_the_broker(*args: object, **kwargs: object) -> None:
    raise OSError("no route")


def _lose_the_database(*args: object, **kwargs: object) -> None:
    raise OperationalError("connection refused")


def _fail(*args: object, **kwargs: object) -> None:
    raise RuntimeError("a part that is broken")
