"""A calendar that schedules refer to by its name: days on which they do not run, or on which alone they do."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from booper.timing.days import Days
from jobs.models.exact_json_field import ExactJSONField

NOT_THERE = Days()


class CalendarQuerySet(models.QuerySet["Calendar"]):
    def days_of(self, user_id: UUID, names: Collection[str]) -> dict[str, Days]:
        """The days of each, none of one that is not there. One query."""
        return dict.fromkeys(names, NOT_THERE) | {row.name: row.listed_days for row in self.named(user_id, names)}

    def named(self, user_id: UUID, names: Collection[str]) -> "CalendarQuerySet":
        """The calendars with these names, without what they were made of."""
        return self.filter(user_id=user_id, name__in=set(names)).only("user_id", "name", "days")


class Calendar(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendars", db_index=False
    )
    name = models.CharField(max_length=64)
    inserted_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    # What its owner sent.
    dates = ExactJSONField(null=True, blank=True)
    ics = models.TextField(null=True, blank=True)
    country = models.CharField(max_length=8, null=True, blank=True)
    subdivision = models.CharField(max_length=16, null=True, blank=True)

    # What that came to when it was sent: spans of ordinals, `[[739610, 739611], …]`.
    days = ExactJSONField(default=list, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    # While upcoming runs are still to follow a change, and the schedule up to which they have.
    unsettled_at = models.DateTimeField(null=True, blank=True, editable=False)
    settled_to = models.UUIDField(null=True, blank=True, editable=False)

    objects = CalendarQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="calendar_of_user")]
        indexes = [
            # What beat looks for.
            models.Index("id", name="calendar_unsettled", condition=Q(unsettled_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def listed_days(self) -> Days:
        return unpacked(self.days)


def packed(days: Days) -> list[list[int]]:
    return [list(span) for span in days.spans]


def unpacked(spans: Any) -> Days:
    return Days(tuple((first, last) for first, last in spans))


def named(names: Collection[str], known: Mapping[str, Days]) -> tuple[tuple[str, Days], ...]:
    return tuple((name, known[name]) for name in names)
