"""Operators, rows in every state and the pages about them, for the tests of the admin."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.engine import leases
from jobs.models import Job, JobState, Process, ProcessRole, User
from jobs.running import attempts
from jobs.running.ended import Ended
from tests.factories import NOON, make_job

ANSWER = {"status": 500, "headers": {"Set-Cookie": "sid=s3cret"}, "body": "no", "duration_ms": 3, "truncated": False}
ERROR = {"code": "http_status", "message": "the target answered 500"}


def log_in(client: Client, *permissions: str, email: str = "ops@example.com") -> User:
    """A member of the staff who may do what `permissions` (such as `view_job`) say; "everything" is a superuser."""
    is_superuser = "everything" in permissions
    user = User.objects.create(email=email, is_staff=True, is_superuser=is_superuser)
    names = [name for name in permissions if name != "everything"]
    found = Permission.objects.filter(codename__in=names)
    assert found.count() == len(names)
    user.user_permissions.set(found)
    client.force_login(user)
    return user


def start_worker(name: str = "worker-1", *, now: datetime = NOON) -> Process:
    return leases.take(ProcessRole.WORKER, name, lease=timedelta(seconds=20), now=now)


def execute(job: Job, *, worker_id: UUID, now: datetime = NOON) -> Any:
    """Claims the job, which has to be the only one due, and logs the start of its attempt."""
    [claimed] = attempts.claim(worker_id, limit=1, now=now)
    assert claimed.id == job.id
    request = {"method": job.method, "url": job.url, "headers": job.args.get("headers"), "body": job.args.get("body")}
    attempts.log_starts([(claimed, request)], now=now)
    return claimed


def finish(claimed: Any, *, worker_id: UUID, state: JobState, now: datetime = NOON, **ended: Any) -> None:
    attempts.record(worker_id, [Ended(job=claimed, state=state, **ended)], now=now)


def make_ended_job(state: JobState, **changes: Any) -> Job:
    """After one attempt. No other job may be due."""
    job, worker = make_job(**changes), start_worker()
    ended: dict[str, Any] = {"response": ANSWER, "error": None if state == JobState.COMPLETED else ERROR}
    if state == JobState.RETRYABLE:
        ended["retry_at"] = NOON + timedelta(minutes=7)
    finish(execute(job, worker_id=worker.id), worker_id=worker.id, state=state, **ended)
    worker.delete()
    return Job.objects.get(id=job.id)


def page(client: Client, path: str) -> str:
    """The HTML of a page that is there."""
    response = client.get(f"/admin/{path}")
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def rows(client: Client, path: str) -> list[Any]:
    """The primary keys that a list shows, in its order."""
    response = client.get(f"/admin/{path}")
    assert response.status_code == 200, (response.status_code, response.headers.get("Location"))
    assert response.context is not None
    return [row.pk for row in response.context["cl"].result_list]


def told(response: Any) -> list[str]:
    """The messages on the page that a redirect led to."""
    return [str(message) for message in response.context["messages"]]


def counted(queries: CaptureQueriesContext) -> list[str]:
    """What a page asks the database, but for the session and savepoints."""
    statements = [query["sql"] for query in queries.captured_queries]
    return [sql for sql in statements if sql.startswith("SELECT") and "FROM" in sql and "django_session" not in sql]
