"""Adds up the counts by the day of hosts and schedules, out of those by the hour that are there."""

from collections.abc import Iterator
from datetime import UTC
from itertools import islice
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Sum
from django.db.models.functions import TruncDay

_HOUR, _DAY = 3600, 1
_BATCH = 2000
_COUNTED = ("completed", "discarded", "failed")


def _add_up(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    counts = apps.get_model("jobs", "RolledUpCount").objects
    rows = _days(counts)
    while batch := list(islice(rows, _BATCH)):
        # A beat of this version may have begun a day already: its counts stand.
        counts.bulk_create(batch, ignore_conflicts=True)


def _remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A version before this one counts none: those that are there would stand as they are, once it is upgraded again."""
    apps.get_model("jobs", "RolledUpCount").objects.filter(seconds=_DAY).delete()


def _days(counts: Any) -> Iterator[Any]:
    hours = counts.filter(seconds=_HOUR, of__in=("host", "schedule")).order_by()
    days = hours.annotate(day=TruncDay("at", tzinfo=UTC)).values("user_id", "of", "key", "day")
    for each in days.annotate(**{f"all_{name}": Sum(name) for name in _COUNTED}).iterator():
        yield counts.model(
            user_id=each["user_id"],
            of=each["of"],
            seconds=_DAY,
            at=each["day"],
            key=each["key"],
            late={},
            took={},
            **{name: each[f"all_{name}"] for name in _COUNTED},
        )


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0047_tally_exemplars"),
    ]

    operations = [
        migrations.RunPython(_add_up, _remove),
    ]
