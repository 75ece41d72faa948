"""The entries of django-celery-beat: whose they are, and that running one makes a run."""

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from jobs.models import Job
from tests.admin import log_in, page, told
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_schedule

pytestmark = pytest.mark.django_db

LIST = "/admin/django_celery_beat/periodictask/"


def test_an_entry_says_whose_it_is_and_running_it_makes_a_run(
    web: Client, stopped_clock: StoppedClock, announced: Announced, django_capture_on_commit_callbacks: object
) -> None:
    log_in(web, "everything")
    schedule = make_schedule(first=NOON.replace(hour=13))
    assert "ada@example.com" in page(web, "django_celery_beat/periodictask/")
    chosen = {"action": "run_tasks", "_selected_action": [str(PeriodicTask.objects.get().pk)]}
    [said] = told(web.post(LIST, chosen, follow=True))
    run = Job.objects.get(schedule=schedule, is_upcoming=False)
    assert said == f"Made and due now: job {run.id}."
    assert run.scheduled_at == NOON


def test_a_name_turns_no_row_around_and_widens_no_table(
    web: Client, stopped_clock: StoppedClock, announced: Announced
) -> None:
    log_in(web, "everything")
    make_schedule(first=NOON.replace(hour=13), spec={"name": "pay\u202efdp" + "n" * 240, "description": "of\u202etxt"})
    entry = PeriodicTask.objects.get()
    assert entry.name.startswith("pay\\u202efdp")
    assert entry.description == "of\\u202etxt"
    # One of before, or of django-celery-beat's own form.
    PeriodicTask.objects.update(name="pay\u202efdp" + "n" * 180)
    html = page(web, "django_celery_beat/periodictask/")
    shown = html.partition('class="field-called"')[2].partition("</bdi>")[0].rpartition(">")[2]
    assert shown == "pay\\u202efdp" + "n" * 27 + "…"
