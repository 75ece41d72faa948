"""Entries in django-celery-beat: each schedule has one, and edits of it are taken over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from jobs.models import Job, Schedule
from jobs.recurring import beat_edits, beat_entries
from jobs.recurring import schedules as recurring_schedules
from tests.factories import NOON, make_schedule
from tests.jobs.recurring.plans import MINUTE, fire_all, plan_of, to, upcoming_of

pytestmark = pytest.mark.django_db


def test_each_schedule_has_its_entry_in_django_celery_beat():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * MON-FRI"}, timezone="Europe/London")
    entry = PeriodicTask.objects.get(booper_schedule=schedule)
    crontab = entry.crontab
    assert crontab is not None
    assert (crontab.minute, crontab.hour, crontab.day_of_week, str(crontab.timezone)) == (
        "0",
        "9",
        "1-5",
        "Europe/London",
    )
    assert (entry.task, entry.enabled) == ("booper.fire_schedule", True)


def test_no_key_in_a_url_is_shown_in_django_celery_beat():
    entry = make_schedule(spec={"url": "https://example.com/hook?api_key=hunter2"}).periodic_task
    assert entry is not None
    assert entry.name.startswith("https://example.com/hook (")
    assert entry.description == "POST https://example.com/hook"


def test_making_and_firing_schedules_makes_no_beat_read_its_table_again():
    before = PeriodicTasks.last_change()
    schedule = make_schedule()
    fire_all(NOON + MINUTE)
    recurring_schedules.disable(schedule, now=NOON + MINUTE)
    recurring_schedules.delete(schedule, now=NOON + MINUTE)
    assert PeriodicTasks.last_change() == before


def test_firing_shows_in_the_entry():
    schedule = make_schedule()
    fire_all(NOON + MINUTE)
    entry = PeriodicTask.objects.get(booper_schedule=schedule)
    assert (entry.total_run_count, entry.last_run_at) == (2, NOON + MINUTE)


def test_switching_an_entry_off_in_its_admin_disables_the_schedule_and_on_again_enables_it():
    schedule = make_schedule()
    PeriodicTask.objects.update(enabled=False)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    assert Schedule.objects.get(id=schedule.id).disabled_at == NOON
    PeriodicTask.objects.update(enabled=True)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON + MINUTE)
    schedule.refresh_from_db()
    assert schedule.disabled_at is None
    assert schedule.frequency == {"repeat_every": [1, "minutes"]}
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_another_time_set_in_its_admin_moves_the_upcoming_run():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15", timezone="Europe/Paris")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.timezone) == ({"cron": "0 15 * * *"}, "Europe/Paris")
    assert (schedule.args["cron"], schedule.args["timezone"]) == ("0 15 * * *", "Europe/Paris")
    assert upcoming_of(schedule).scheduled_at == datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_entry_deleted_in_its_admin_disables_the_schedule():
    schedule = make_schedule()
    PeriodicTask.objects.all().delete()
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert schedule.disabled_at == NOON


def test_a_time_that_cannot_be_read_disables_that_schedule_alone():
    bad = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    good = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 10 * * *"})
    CrontabSchedule.objects.filter(hour="9").update(hour="99")
    CrontabSchedule.objects.filter(hour="10").update(hour="11")
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.disabled_at, good.frequency) == (NOON, {"cron": "0 11 * * *"})
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def applied_twice() -> list[int]:
    """How many edits are taken over, and how many are left to be: beat would go on with those for ever."""
    return [beat_edits.apply(beat_entries.edited(limit=10), now=NOON) for _ in range(2)]


def test_a_time_set_together_with_switching_off_is_taken_over():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15")
    PeriodicTask.objects.update(enabled=False)
    assert applied_twice() == [1, 0]
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.disabled_at) == ({"cron": "0 15 * * *"}, NOON)


def test_time_and_start_of_a_schedule_that_is_off_are_taken_over():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    recurring_schedules.disable(schedule, now=NOON)
    CrontabSchedule.objects.update(hour="15")
    PeriodicTask.objects.update(start_time=NOON + timedelta(days=1))
    assert applied_twice() == [1, 0]
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.starts_at) == ({"cron": "0 15 * * *"}, NOON + timedelta(days=1))
    assert schedule.disabled_at == NOON


def test_the_same_in_other_words_changes_nothing():
    hourly = make_schedule(first=NOON + MINUTE, frequency={"repeat_every": [60, "minutes"]})
    weekdays = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * MON-FRI"})
    IntervalSchedule.objects.update(every=60, period="minutes")
    CrontabSchedule.objects.update(day_of_week="MON-FRI")
    assert applied_twice() == [2, 0]
    for schedule, frequency in ((hourly, {"repeat_every": [60, "minutes"]}), (weekdays, {"cron": "0 9 * * MON-FRI"})):
        schedule.refresh_from_db()
        assert (schedule.frequency, schedule.disabled_at) == (frequency, None)


def test_edits_are_found_some_at_a_time_each_once():
    for _ in range(5):
        make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.update(enabled=False)
    everything = beat_entries.edited(limit=10)
    first = beat_entries.edited(limit=3)
    assert first + beat_entries.edited(after=first[-1], limit=3) == everything
    assert len(everything) == 5


def test_an_edit_that_leaves_no_run_ends_the_schedule():
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "* * * * *"}, ends_at=NOON + timedelta(days=1))
    CrontabSchedule.objects.update(month_of_year="12")
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.frequency, schedule.disabled_at) == ({"cron": "* * * 12 *"}, NOON)
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled
    assert not Job.objects.filter(is_upcoming=True).exists()
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_entry_that_cannot_be_switched_on_is_shown_as_off_again():
    schedule = make_schedule(max_runs=1)
    PeriodicTask.objects.update(enabled=True)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    assert not PeriodicTask.objects.get(booper_schedule=schedule).enabled
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_start_and_end_set_in_its_admin_bound_the_schedule():
    schedule = make_schedule(
        first=NOON + MINUTE, spec={"args": {"url": "https://example.com/", "ends_at": "2026-03-09"}}
    )
    tomorrow, later = NOON + timedelta(days=1), NOON + timedelta(days=2)
    PeriodicTask.objects.update(start_time=tomorrow, expires=later)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.starts_at, schedule.ends_at) == (tomorrow, later)
    assert (schedule.args["starts_at"], schedule.args["ends_at"]) == ("2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z")
    assert upcoming_of(schedule).scheduled_at == tomorrow
    PeriodicTask.objects.update(start_time=None, expires=None)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 1
    schedule.refresh_from_db()
    assert (schedule.starts_at, schedule.ends_at) == (None, None)
    assert not {"starts_at", "ends_at"} & schedule.args.keys()
    assert upcoming_of(schedule).scheduled_at == NOON + MINUTE
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0


def test_an_end_in_the_past_set_in_its_admin_ends_the_schedule():
    schedule = make_schedule(first=NOON + MINUTE)
    PeriodicTask.objects.update(expires=NOON - MINUTE)
    beat_edits.apply(beat_entries.edited(limit=10), now=NOON)
    schedule.refresh_from_db()
    assert (schedule.ends_at, schedule.disabled_at) == (NOON - MINUTE, NOON)


def test_an_edit_that_fails_holds_up_no_other(monkeypatch):
    schedules = [make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"}) for _ in range(3)]
    CrontabSchedule.objects.update(hour="15")
    edit = recurring_schedules.edit

    def fails_for_one(schedule: Schedule, *args: Any, **kwargs: Any) -> Any:
        if schedule.id == schedules[1].id:
            raise RuntimeError("a row that nobody foresaw")
        return edit(schedule, *args, **kwargs)

    monkeypatch.setattr(recurring_schedules, "edit", fails_for_one)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 2
    hours = [Schedule.objects.get(id=schedule.id).frequency["cron"] for schedule in schedules]
    assert hours == ["0 15 * * *", "0 9 * * *", "0 15 * * *"]


def test_edits_are_taken_over_some_at_a_time():
    for _ in range(5):
        make_schedule()
    PeriodicTask.objects.update(enabled=False)
    assert [beat_edits.apply(beat_entries.edited(limit=2), now=NOON) for _ in range(4)] == [2, 2, 1, 0]
    assert not Schedule.objects.filter(disabled_at__isnull=True).exists()


def test_what_the_api_changed_since_is_not_undone_by_an_edit_found_before(monkeypatch):
    schedule = make_schedule(first=NOON + MINUTE, frequency={"cron": "0 9 * * *"})
    CrontabSchedule.objects.update(hour="15")
    found = beat_entries.edited(limit=10)
    recurring_schedules.edit(schedule, to(plan_of(schedule, frequency={"cron": "0 20 * * *"})), now=NOON)
    monkeypatch.setattr(beat_entries, "edited", lambda *, limit: found)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0
    schedule.refresh_from_db()
    assert schedule.frequency == {"cron": "0 20 * * *"}


@pytest.mark.parametrize(
    ("frequency", "every", "period"),
    [
        ([2, "minutes"], 2, "minutes"),
        ([90, "seconds"], 90, "seconds"),
        ([1.5, "hours"], 90, "minutes"),
        ([1.5, "seconds"], 1_500_000, "microseconds"),
        ([2147.25, "seconds"], 2_147_250_000, "microseconds"),
        ([2147.75, "seconds"], 2148, "seconds"),
        ([1, "weeks"], 7, "days"),
        ([1, "months"], 30, "days"),
    ],
)
def test_an_interval_is_shown_in_the_units_its_admin_knows(frequency, every, period):
    schedule = make_schedule(frequency={"repeat_every": frequency})
    interval = PeriodicTask.objects.get(booper_schedule=schedule).interval
    assert interval is not None
    assert (interval.every, interval.period) == (every, period)
    assert beat_edits.apply(beat_entries.edited(limit=10), now=NOON) == 0
