"""The admin's list of secrets: their names, times and owners; never a value, and none is even read."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.guarding import secrets
from jobs.models import Secret, User
from tests.admin import log_in, page, rows
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

VALUE = "correct horse battery staple"


@pytest.fixture
def secret(user: User, stopped_clock: StoppedClock) -> Secret:
    return secrets.put(user.id, "API_TOKEN", value=VALUE, hosts=["example.com"], actor="test", now=NOON)[0]


def test_names_times_and_owners_are_there_and_no_value(secret: Secret, web: Client, user: User) -> None:
    log_in(web, "view_secret")
    with CaptureQueriesContext(connection) as queries:
        for path in ("jobs/secret/", f"jobs/secret/{secret.pk}/change/"):
            html = page(web, path)
            assert "API_TOKEN" in html
            assert user.email in html
            assert "2026-03-01 12:00" in html
            assert VALUE not in html
            assert "enc1:" not in html
    assert "example.com" in html
    assert not any('"jobs_secret"."value"' in query["sql"] for query in queries.captured_queries)


def test_they_are_found_by_owner_and_by_name(secret: Secret, web: Client, other_user: User) -> None:
    other = secrets.put(other_user.id, "DSN", value=VALUE, hosts=None, actor="test", now=NOON)[0]
    log_in(web, "view_secret")
    assert rows(web, "jobs/secret/") == [other.pk, secret.pk]
    assert rows(web, "jobs/secret/?q=token") == [secret.pk]
    assert rows(web, f"jobs/secret/?q={other_user.email}") == [other.pk]
    assert rows(web, f"jobs/secret/?owner={secret.user_id}") == [secret.pk]


@pytest.mark.parametrize("path", ["", "add/", "{pk}/change/", "{pk}/delete/"])
def test_nobody_writes_there_and_not_everybody_looks(secret: Secret, web: Client, path: str) -> None:
    log_in(web, "view_job")
    assert web.get(f"/admin/jobs/secret/{path.format(pk=secret.pk)}").status_code == 403
    log_in(web, "everything", email="boss@example.com")
    web.post(f"/admin/jobs/secret/{path.format(pk=secret.pk)}", {"name": "OTHER", "post": "yes"})
    assert list(Secret.objects.values_list("name", flat=True)) == ["API_TOKEN"]
