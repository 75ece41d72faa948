"""The audit trail: sign-ins and bulk actions are in it, and the admin lists it for who may look."""

import pytest
from django.test import Client

from jobs.models import AuditEvent, User
from tests.admin import log_in, page
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def sign_in(web: Client, password: str, email: str = "ops@example.com") -> None:
    web.post("/admin/login/?next=/admin/", {"username": email, "password": password})


def test_sign_ins_and_those_that_failed(web: Client, stopped_clock: StoppedClock) -> None:
    User.objects.create_superuser("ops@example.com", "correct horse battery")
    sign_in(web, "wrong horse")
    sign_in(web, "correct horse battery", email="correct horse battery")
    assert actions() == ["sign_in.failed"]
    sign_in(web, "correct horse battery")
    assert actions() == ["sign_in.failed", "sign_in"]
    event = AuditEvent.objects.latest("id")
    assert (event.email, event.details) == ("ops@example.com", {"address": "127.0.0.1"})
    assert "horse" not in str(list(AuditEvent.objects.values()))


def test_what_is_cancelled_in_bulk(api: Api, user: User) -> None:
    data_of(api.post("/api/jobs/cancel", {"all": True}))
    assert actions() == []
    for _ in range(2):
        make_job(user=user)
    data_of(api.post("/api/jobs/cancel?all=true"))
    event = AuditEvent.objects.get()
    assert (event.action, event.user_id, event.details) == ("jobs.cancelled", user.id, {"filters": ["all"], "count": 2})


def test_what_operators_do_to_jobs_is_there_and_listed(web: Client, stopped_clock: StoppedClock) -> None:
    log_in(web, "everything")
    job = make_job()
    web.post("/admin/jobs/job/", {"action": "cancel_selected", "_selected_action": [str(job.pk)], "confirmed": "1"})
    event = AuditEvent.objects.get(action="jobs.operated")
    assert event.details == {"operation": "Cancel", "jobs": [job.pk]}
    html = page(web, "jobs/auditevent/")
    assert "jobs.operated" in html
    assert "operator ops@example.com" in html
    assert "Cancel" in page(web, f"jobs/auditevent/{event.pk}/change/")


def test_nobody_writes_the_trail_and_not_everybody_reads_it(web: Client, stopped_clock: StoppedClock) -> None:
    log_in(web, "view_job")
    assert web.get("/admin/jobs/auditevent/").status_code == 403
    log_in(web, "everything", email="root@example.com")
    assert web.get("/admin/jobs/auditevent/add/").status_code == 403
