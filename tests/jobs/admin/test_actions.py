"""Cancel, run now and retry in the admin: by way of the transitions, one by one, and only by those who may."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from jobs.admin import job_actions
from jobs.admin.jobs import JobAdmin
from jobs.models import Job, JobState, LogEvent, Queue, Schedule
from jobs.recurring import schedules
from jobs.running import transitions
from jobs.specs import RecurrenceSpec
from tests.admin import execute, log_in, make_ended_job, page, rows, start_worker, told
from tests.conftest import Announced, StoppedClock
from tests.factories import NOON, make_job, make_schedule, make_spec, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
LIST = "/admin/jobs/job/"


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock, announced: Announced) -> Client:
    log_in(web, "view_job", "change_job")
    return web


def choose(client: Client, action: str, jobs: list[Job], **more: str) -> Any:
    """As somebody does who says yes where it is asked."""
    chosen = {"action": action, "_selected_action": [str(job.id) for job in jobs], "confirmed": "1", **more}
    return client.post(LIST, chosen, follow=True)


def press(client: Client, name: str, job: Job) -> Any:
    return client.post(f"{LIST}{job.id}/{name}/now/", follow=True)


def state_of(job: Job) -> str:
    return Job.objects.values_list("state", flat=True).get(id=job.id)


def make_upcoming_run() -> Job:
    plan = RecurrenceSpec(frequency={"repeat_every": [1, "hours"]}, timezone="UTC", first_run_at=NOON + HOUR)
    return schedules.create(make_spec(), plan, user_id=make_user().id, now=NOON).job


# Of several at a time


def test_the_selected_jobs_are_cancelled_and_the_message_says_which_were_too_late(
    admin: Client, stopped_clock: StoppedClock
) -> None:
    ended = make_ended_job(JobState.COMPLETED)
    jobs = [make_job() for _ in range(3)]
    stopped_clock.advance(seconds=5)
    response = choose(admin, "cancel_selected", [ended, *jobs])
    assert told(response) == ["3 cancelled, 1 had ended already."]
    assert [state_of(job) for job in jobs] == ["cancelled"] * 3
    assert Job.objects.get(id=jobs[0].id).cancelled_at == stopped_clock.moment
    assert state_of(ended) == "completed"
    assert LogEvent.objects.filter(event="job.cancelled").count() == 3


def test_jobs_that_are_not_selected_are_left_alone(admin: Client) -> None:
    job, other = make_job(), make_job()
    choose(admin, "cancel_selected", [job])
    assert state_of(other) == "scheduled"


def test_cancelling_a_job_with_a_webhook_announces_its_last_event_once_it_is_committed(
    admin: Client, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    jobs = [make_job(webhook_url="https://example.com/events"), make_job()]
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        choose(admin, "cancel_selected", jobs)
    assert announced == Announced()
    for callback in callbacks:
        callback()
    assert announced == Announced(jobs=[], deliveries=[NOON])


def test_waiting_jobs_are_made_due_now_and_a_worker_is_woken(
    admin: Client, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    waiting, done = make_job(scheduled_at=NOON + HOUR), make_ended_job(JobState.COMPLETED)
    with django_capture_on_commit_callbacks(execute=True):
        response = choose(admin, "run_selected_now", [waiting, done])
    assert told(response) == ["1 due now, 1 was not waiting."]
    assert Job.objects.get(id=waiting.id).scheduled_at == NOON
    assert announced.jobs == [NOON]


def test_jobs_that_have_ended_are_retried_and_a_worker_is_woken(
    admin: Client, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    discarded = make_ended_job(JobState.DISCARDED, max_attempts=1)
    waiting = [make_job(scheduled_at=NOON + HOUR) for _ in range(2)]
    with django_capture_on_commit_callbacks(execute=True):
        response = choose(admin, "retry_selected", [discarded, *waiting])
    assert told(response) == ["1 to be tried again now, 2 could not be retried."]
    assert state_of(discarded) == "retryable"
    assert announced.jobs == [NOON]


def test_an_action_that_reaches_none_says_so_as_a_warning(admin: Client) -> None:
    response = choose(admin, "cancel_selected", [make_ended_job(JobState.DISCARDED)])
    [message] = response.context["messages"]
    assert (str(message), message.level_tag) == ("1 had ended already.", "warning")


def test_more_jobs_than_can_be_done_at_once_are_refused_as_a_whole(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_actions, "MOST_AT_ONCE", 2)
    jobs = [make_job() for _ in range(3)]
    response = choose(admin, "cancel_selected", jobs[:1], select_across="1")
    assert told(response) == ["More than 2 jobs are selected, and nothing was done: select fewer."]
    assert [state_of(job) for job in jobs] == ["scheduled"] * 3


def test_all_that_a_filter_finds_can_be_cancelled(admin: Client) -> None:
    jobs = [make_job() for _ in range(3)]
    other = make_job(user=make_user("grace@example.com"))
    chosen = {"action": "cancel_selected", "_selected_action": str(jobs[0].id), "select_across": "1", "confirmed": "1"}
    assert told(admin.post(f"{LIST}?owner=ada@example.com", chosen, follow=True)) == ["3 cancelled."]
    assert state_of(other) == "scheduled"


def test_a_job_that_somebody_else_moves_in_between_is_counted_as_missed(stopped_clock: StoppedClock) -> None:
    job = make_job()
    transitions.cancel(job, now=NOON)
    assert job.state == "scheduled"
    tally = job_actions.apply(job_actions.CANCEL, [job], clock=lambda: NOON)
    assert (tally.done, tally.missed, tally.sentence()) == ([], [job], "1 had ended already.")


# Of one, by the buttons on its page


@pytest.mark.parametrize(
    ("name", "message", "state"),
    [("cancel", "1 cancelled.", "cancelled"), ("run", "1 due now.", "scheduled")],
)
def test_a_button_does_it_to_the_job_and_leads_back_to_its_page(
    admin: Client, name: str, message: str, state: str
) -> None:
    job = make_job(scheduled_at=NOON + HOUR)
    response = press(admin, name, job)
    assert response.redirect_chain == [(f"{LIST}{job.id}/change/", 302)]
    assert told(response) == [message]
    assert state_of(job) == state


def test_a_job_with_an_attempt_on_the_wire_can_be_cancelled(admin: Client) -> None:
    job, worker = make_job(), start_worker()
    execute(job, worker_id=worker.id)
    assert told(press(admin, "cancel", job)) == ["1 cancelled."]
    assert state_of(job) == "cancelled"


def test_the_page_offers_what_can_be_done_in_that_state(admin: Client) -> None:
    offered = {
        make_ended_job(JobState.DISCARDED).id: ["retry"],
        make_ended_job(JobState.COMPLETED).id: ["retry"],
        make_job(scheduled_at=NOON + HOUR).id: ["run", "cancel"],
        make_upcoming_run().id: ["run", "skip", "end"],
    }
    for job_id, names in offered.items():
        html = page(admin, f"jobs/job/{job_id}/change/")
        assert [name for name in job_actions.OPERATIONS if f"/{job_id}/{name}/now/" in html] == names


def test_whoever_did_something_to_a_job_is_in_its_history(admin: Client) -> None:
    job = make_job(url="https://example.com/?token=s3cret")
    press(admin, "cancel", job)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message, str(entry.user)) == (str(job.id), "Cancel.", "ops@example.com")
    html = page(admin, f"jobs/job/{job.id}/history/")
    assert "Cancel." in html
    assert "s3cret" not in html + entry.object_repr


def test_a_link_cancels_nothing(admin: Client) -> None:
    job = make_job()
    assert admin.get(f"{LIST}{job.id}/cancel/now/").status_code == 405
    assert state_of(job) == "scheduled"


def test_a_form_on_another_site_cancels_nothing(web: Client, stopped_clock: StoppedClock) -> None:
    job = make_job()
    careful = Client(enforce_csrf_checks=True)
    log_in(careful, "everything")
    assert careful.post(f"{LIST}{job.id}/cancel/now/").status_code == 403
    assert state_of(job) == "scheduled"


@pytest.mark.parametrize("path", ["7/cancel/now/", "99999999999999999999/cancel/now/", "{id}/explode/now/"])
def test_a_job_or_an_operation_that_is_not_there_is_not_found(admin: Client, path: str) -> None:
    job = make_job()
    Job.objects.filter(id=7).delete()
    assert admin.post(LIST + path.format(id=job.id)).status_code == 404


# Upcoming runs of schedules


def test_upcoming_runs_are_not_cancelled_among_others(admin: Client) -> None:
    upcoming, job = make_upcoming_run(), make_job()
    response = choose(admin, "cancel_selected", [upcoming, job])
    assert told(response) == ["1 cancelled, 1 is an upcoming run, whose page can skip it or end its schedule."]
    assert (state_of(upcoming), state_of(job)) == ("scheduled", "cancelled")


def test_skipping_an_upcoming_run_leaves_its_schedule_with_the_next_one(admin: Client) -> None:
    upcoming = make_upcoming_run()
    assert told(press(admin, "skip", upcoming)) == ["1 skipped."]
    assert state_of(upcoming) == "cancelled"
    following = Job.objects.get(schedule=upcoming.schedule, is_upcoming=True)
    assert following.scheduled_at == NOON + 2 * HOUR


def test_a_schedule_is_ended_by_its_upcoming_run(admin: Client) -> None:
    upcoming = make_upcoming_run()
    assert told(press(admin, "end", upcoming)) == ["1 cancelled and its schedule ended."]
    assert Schedule.objects.get().disabled_at == NOON
    assert not Job.objects.filter(is_upcoming=True).exists()


def test_an_upcoming_run_is_fired_before_its_time(
    admin: Client, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    upcoming = make_upcoming_run()
    with django_capture_on_commit_callbacks(execute=True):
        assert told(press(admin, "run", upcoming)) == ["1 due now."]
    assert Job.objects.due(NOON).filter(id=upcoming.id).exists()
    assert announced.jobs == [NOON]


def test_what_is_for_upcoming_runs_does_nothing_to_another_job(admin: Client) -> None:
    job = make_job()
    assert told(press(admin, "end", job)) == ["1 was not an upcoming run any more."]
    assert state_of(job) == "scheduled"


# Who may


def test_somebody_who_may_only_look_is_offered_no_action_and_can_take_none(
    web: Client, stopped_clock: StoppedClock, announced: Announced
) -> None:
    log_in(web, "view_job")
    job = make_job()
    assert rows(web, "jobs/job/") == [job.id]
    assert "cancel_selected" not in page(web, "jobs/job/")
    assert "/cancel/now/" not in page(web, f"jobs/job/{job.id}/change/")
    assert press(web, "cancel", job).status_code == 403
    choose(web, "cancel_selected", [job])
    assert state_of(job) == "scheduled"


@pytest.mark.parametrize("noun", ["job", "logevent", "delivery", "process", "apikey", "user"])
def test_staff_without_a_permission_see_nothing(web: Client, stopped_clock: StoppedClock, noun: str) -> None:
    job = make_ended_job(JobState.DISCARDED, name="Nightly export")
    log_in(web)
    assert web.get(f"/admin/jobs/{noun}/").status_code == 403
    assert web.get(f"/admin/jobs/job/{job.id}/change/").status_code == 403
    assert web.get(f"/admin/jobs/job/{job.id}/history/").status_code == 403
    html = page(web, "")
    for hidden in ("/admin/jobs/", "the target answered 500", "ada@example.com"):
        assert hidden not in html


@pytest.mark.parametrize("path", ["", "jobs/job/", "jobs/job/1/change/", "jobs/job/1/cancel/now/"])
def test_whoever_is_not_logged_in_or_is_no_staff_is_asked_to_log_in(web: Client, path: str) -> None:
    for is_known in (False, True):
        if is_known:
            web.force_login(make_user())
        response = web.post(f"/admin/{path}")
        assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("noun", ["job", "logevent", "delivery", "process"])
@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_not_even_a_superuser_writes_rows_by_a_form(
    web: Client, stopped_clock: StoppedClock, noun: str, verb: str
) -> None:
    make_ended_job(JobState.DISCARDED, webhook_url="https://example.com/events")
    start_worker()
    log_in(web, "everything")
    [row, *_] = rows(web, f"jobs/{noun}/")
    path = f"/admin/jobs/{noun}/add/" if verb == "add" else f"/admin/jobs/{noun}/{row}/{verb}/"
    assert web.post(path, {"state": "completed", "post": "yes"}).status_code == 403
    assert "delete_selected" not in page(web, f"jobs/{noun}/")


def test_login_is_by_email_in_any_case_and_password(web: Client, stopped_clock: StoppedClock) -> None:
    operator = log_in(Client(), "view_job")
    operator.set_password("correct horse battery")
    operator.save()
    html = page(web, "login/")
    assert "Email:" in html
    assert "Booper" in html
    given = {"username": "Ops@Example.com", "password": "wrong"}
    assert "correct email and password" in web.post("/admin/login/", given).content.decode()
    response = web.post("/admin/login/?next=/admin/", given | {"password": "correct horse battery"}, follow=True)
    assert "ops@example.com" in response.content.decode()


def test_cancelling_asks_first_and_says_how_many(admin: Client) -> None:
    jobs = [make_job(scheduled_at=NOON + HOUR) for _ in range(2)]
    chosen = {"action": "cancel_selected", "_selected_action": [str(job.id) for job in jobs]}
    asked = admin.post(LIST, chosen)
    html = asked.content.decode()
    assert "2 jobs would be cancelled" in html
    assert html.count('name="_selected_action"') == 2
    assert [state_of(job) for job in jobs] == ["scheduled"] * 2
    question = page(admin, f"jobs/job/{jobs[0].id}/change/")
    assert "It is not sent any more" in question


def test_the_question_counts_what_can_be_cancelled_alone(admin: Client) -> None:
    waits, upcoming = make_job(scheduled_at=NOON + HOUR), make_schedule(first=NOON + HOUR)
    ended = [make_ended_job(JobState.DISCARDED) for _ in range(2)]
    keys = [str(job.id) for job in (waits, *ended, *Job.objects.filter(schedule=upcoming))]
    html = admin.post(LIST, {"action": "cancel_selected", "_selected_action": keys}).content.decode()
    assert "1 job would be cancelled" in html
    assert "The other 3 have ended, or are upcoming runs of schedules, and are left as they are." in html
    assert 'value="Cancel 1"' in html


def test_what_is_due_now_in_a_queue_that_is_paused_is_said_to_wait(admin: Client) -> None:
    queue = Queue.objects.create(user=make_user(), name="slow", inserted_at=NOON, refilled_at=NOON, paused_at=NOON)
    job = make_job(queue_id=queue.id, scheduled_at=NOON + HOUR)
    assert told(press(admin, "run", job)) == ["1 due now, of which 1 waits for a queue that is paused."]


def test_what_would_be_refused_is_not_offered(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        make_job(scheduled_at=NOON + HOUR)
    monkeypatch.setattr(JobAdmin, "list_per_page", 2)
    html = page(admin, "jobs/job/")
    assert "of 2 selected" in html
    assert "across all pages" not in html
