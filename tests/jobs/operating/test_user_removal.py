"""A user is removed with all that is theirs, and nothing of anybody else's."""

import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask

from jobs.database import bites
from jobs.guarding import secrets
from jobs.models import ApiKey, AuditEvent, Delivery, Job, LogEvent, Queue, Schedule, Secret, User
from jobs.operating import user_removal
from jobs.queues import limits
from tests.factories import NOON, make_job, make_schedule, make_user
from tests.runs import run_due

pytestmark = pytest.mark.django_db


def fill(user: User) -> None:
    queue = limits.named(user.id, "mail", now=NOON)
    make_job(user=user, queue_id=queue.id)
    make_job(user=user, callback_url="https://example.com/back", webhook_url="https://example.com/events")
    ApiKey.issue(user.id)
    secrets.put(user.id, "TOKEN", value="x", hosts=None, actor="me", now=NOON)


def test_all_of_theirs_goes_and_nothing_of_others(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bites, "_FIRST", 2)
    for owner in (user, other_user):
        fill(owner)
    make_schedule()
    run_due()
    count = user_removal.remove(user, now=NOON, pause_seconds=0)
    assert count > 10
    assert not User.objects.filter(id=user.id).exists()
    for model in (Job, LogEvent, Delivery, Schedule, Queue, ApiKey, Secret):
        assert not model.objects.filter(user_id=user.id).exists(), model
        assert model is Schedule or model.objects.filter(user_id=other_user.id).exists(), model
    assert not PeriodicTask.objects.filter(task="booper.fire").exists()
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.email) == ("user.deleted", user.email)


def test_queues_go_one_by_one_as_long_as_it_is_not_known_what_one_takes(user: User) -> None:
    for number in range(3):
        limits.named(user.id, f"queue-{number}", now=NOON)
    with CaptureQueriesContext(connection) as queries:
        user_removal.remove(user, now=NOON, pause_seconds=0)
    first = next(query["sql"] for query in queries if query["sql"].startswith('DELETE FROM "jobs_queue"'))
    assert first.partition(" IN ")[2].count(",") == 0
    assert not Queue.objects.filter(user_id=user.id).exists()


def test_others_are_let_in_between_two_batches(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(user)
    outside, depths = len(connection.savepoint_ids), []
    monkeypatch.setattr(time, "sleep", lambda _: depths.append(len(connection.savepoint_ids)))
    user_removal.remove(user, now=NOON)
    assert depths
    assert set(depths) == {outside}


def test_without_yes_nothing_is_deleted(user: User) -> None:
    with pytest.raises(CommandError, match="--yes"):
        call_command("delete_user", user.email)
    assert User.objects.filter(id=user.id, is_active=True).exists()
    call_command("delete_user", user.email, "--yes")
    assert not User.objects.filter(id=user.id).exists()


def test_nobody_is_no_user_to_delete() -> None:
    make_user()
    with pytest.raises(CommandError, match="no user"):
        call_command("delete_user", "nobody@example.com", "--yes")
