"""What was counted by the hour before there were days is added up to days, once."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import cast

import pytest
from django.apps import apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from jobs.models import RolledUpCount, User
from jobs.models.rolled_up_count import DAY, HOUR, MINUTE, Of

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def test_hours_of_hosts_and_schedules_become_days(user: User, other_user: User) -> None:
    for owner, of, seconds, hour, key in (
        (user, Of.HOST, HOUR, 0, "a.example"),
        (user, Of.HOST, HOUR, 23, "a.example"),
        (user, Of.HOST, HOUR, 24, "a.example"),
        (user, Of.HOST, HOUR, 5, ""),
        (user, Of.SCHEDULE, HOUR, 5, "a.example"),
        (other_user, Of.HOST, HOUR, 5, "a.example"),
        (user, Of.ALL, HOUR, 5, ""),
        (user, Of.ALL, MINUTE, 5, ""),
    ):
        at = MIDNIGHT + timedelta(hours=hour)
        RolledUpCount.objects.create(user=owner, of=of, seconds=seconds, at=at, key=key, completed=3, failed=2)
    add_up = import_module("jobs.migrations.0048_rolled_up_days")._add_up
    for _ in range(2):
        add_up(cast(StateApps, apps), cast(BaseDatabaseSchemaEditor, None))
    days = RolledUpCount.objects.filter(seconds=DAY).order_by("at", "user_id", "of", "key")
    found = {(row.user_id, row.of, row.key, (row.at - MIDNIGHT).days): (row.completed, row.failed) for row in days}
    assert found == {
        (user.id, "host", "a.example", 0): (6, 4),
        (user.id, "host", "a.example", 1): (3, 2),
        (user.id, "host", "", 0): (3, 2),
        (user.id, "schedule", "a.example", 0): (3, 2),
        (other_user.id, "host", "a.example", 0): (3, 2),
    }
    assert len(found) == len(days)


def test_days_are_added_up_anew_after_a_version_that_counted_none(user: User) -> None:
    hour = RolledUpCount.objects.create(user=user, of=Of.HOST, seconds=HOUR, at=MIDNIGHT, key="a.example", failed=2)
    migration = import_module("jobs.migrations.0048_rolled_up_days").Migration
    [operation] = migration.operations
    with_apps = (cast(StateApps, apps), cast(BaseDatabaseSchemaEditor, None))
    operation.code(*with_apps)
    operation.reverse_code(*with_apps)
    RolledUpCount.objects.filter(id=hour.id).update(failed=5)
    operation.code(*with_apps)
    assert RolledUpCount.objects.get(seconds=DAY).failed == 5
