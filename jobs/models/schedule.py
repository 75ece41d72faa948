"""A recurring job: what to send, how often, and what it remembers from run to run."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_celery_beat.models import PeriodicTask

from booper.timing import durations, jitter, recurrence
from booper.timing.days import DayChoice, Days
from jobs.models.calendar import Calendar, named
from jobs.models.exact_json_field import ExactJSONField
from jobs.models.identifiers import uuid7
from jobs.models.request_fields import RequestFields


class Overlap(models.TextChoices):
    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"
    CANCEL = "cancel"


class CatchUp(models.TextChoices):
    LATEST = "latest"
    SKIP = "skip"


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def existing(self) -> "ScheduleQuerySet":
        """The schedules that were not deleted: the rows of deleted ones stay while their jobs do."""
        return self.filter(deleted_at__isnull=True)


class Schedule(RequestFields):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False)

    queue = models.ForeignKey("jobs.Queue", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    # What its owner calls it, and what of theirs looks after it: a file, say.
    key = models.CharField(max_length=128, null=True, blank=True)
    managed_by = models.CharField(max_length=255, null=True, blank=True)

    # How often: {"cron": "0 9 * * 1-5"} or {"repeat_every": [2, "minutes"]}, in `timezone`.
    frequency = ExactJSONField()
    timezone = models.CharField(max_length=64, default="UTC")
    anchor_at = models.DateTimeField(help_text="The first run: an interval's grid hangs on it.")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    max_runs = models.PositiveIntegerField(null=True, blank=True)
    overlap = models.CharField(max_length=6, choices=Overlap.choices, default=Overlap.ALLOW)
    catch_up = models.CharField(max_length=6, choices=CatchUp.choices, default=CatchUp.LATEST)
    include_metadata = models.BooleanField(null=True, blank=True)
    disable_after = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Disabled once so many runs in a row were discarded."
    )

    jitter_seconds = models.FloatField(null=True, blank=True, help_text="Runs are later by up to so much.")

    # Names of calendars: no run on their days, and only on them.
    skip_on = ExactJSONField(null=True, blank=True)
    only_on = ExactJSONField(null=True, blank=True)

    # What has become of it.
    inserted_at = models.DateTimeField(editable=False)
    enabled_at = models.DateTimeField(editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.TextField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    run_count = models.PositiveIntegerField(default=0)
    discarded_in_a_row = models.PositiveSmallIntegerField(default=0, db_default=0)
    state = ExactJSONField(default=dict, blank=True, help_text="What the target keeps with `$set`.")
    previous = ExactJSONField(default=dict, blank=True, null=True, help_text="What the last run answered.")

    # Its entry in django-celery-beat, and what Booper last wrote there: a difference is an edit made in its admin.
    periodic_task = models.OneToOneField(
        PeriodicTask, on_delete=models.SET_NULL, null=True, blank=True, related_name="booper_schedule"
    )
    beat_frequency = models.CharField(max_length=1024, editable=False)

    objects = ScheduleQuerySet.as_manager()
    # The days of its calendars, once they were read.
    known_days: Mapping[str, Days] | None = None

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(disabled_at__isnull=False), name="schedule_deleted_is_disabled"
            ),
            # What PUT /api/schedules/{key} finds by.
            models.UniqueConstraint(
                fields=["user", "key"], condition=Q(key__isnull=False, deleted_at__isnull=True), name="schedule_key"
            ),
        ]
        indexes = [
            # GET /api/schedules
            models.Index("user", "id", name="schedule_of_user", condition=Q(deleted_at__isnull=True)),
            # Which schedules use each calendar.
            models.Index(
                "user",
                "id",
                name="schedule_with_calendars",
                condition=Q(deleted_at__isnull=True) & (Q(skip_on__isnull=False) | Q(only_on__isnull=False)),
            ),
            # Alerts that tell of those which were disabled.
            models.Index(
                "user",
                "disabled_at",
                name="schedule_disabled_of_user",
                condition=Q(deleted_at__isnull=True, disabled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.url} {self.id}"

    @property
    def zone(self) -> tzinfo:
        return UTC if self.timezone == "UTC" else recurrence.zone_named(self.timezone)

    def due_at(self, at: datetime) -> datetime:
        """When the run for `at` on the grid is due."""
        if not self.jitter_seconds:
            return at
        return at + jitter.delay(self.id, at, longest_seconds=self.jitter_seconds)

    @property
    def calendar_names(self) -> list[str]:
        return [*(self.skip_on or ()), *(self.only_on or ())]

    @property
    def days(self) -> DayChoice | None:
        """The days on which it runs, None for all: by one query if it has calendars, unless those were read before."""
        names = self.calendar_names
        if not names:
            return None
        if self.known_days is None or not self.known_days.keys() >= set(names):
            self.known_days = Calendar.objects.days_of(self.user_id, names)
        skip = named(self.skip_on or (), self.known_days)
        return DayChoice(skip, None if self.only_on is None else named(self.only_on, self.known_days))

    @property
    def rule(self) -> recurrence.Every | recurrence.CronRule:
        """What booper.timing.recurrence decides the next run by."""
        days = self.days
        return self.grid if days is None else replace(self.grid, days=days)

    @property
    def grid(self) -> recurrence.Every | recurrence.CronRule:
        """The same on every day."""
        if "cron" in self.frequency:
            return recurrence.by_cron(self.frequency["cron"], zone=self.timezone)
        interval = durations.parse(self.frequency["repeat_every"])
        return recurrence.Every(interval, anchor=self.anchor_at, zone=self.zone)
