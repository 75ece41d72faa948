"""The SDK and the command against the real API: recurring jobs from their preview to their end."""

import contextlib
import io
from collections.abc import Iterator

import pytest
from pytest_django.live_server_helper import LiveServer

from booper import cli
from booper.client import BadRequest, Conflict, NotFound, Scheduler
from jobs.models import ApiKey
from tests.conftest import Announced
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST = {"method": "post", "url": "https://example.com/hook"}


@pytest.fixture
def scheduler(live_server: LiveServer, announced: Announced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    key = ApiKey.issue(make_user().id, name="test")[1]
    monkeypatch.setenv("BOOPER_API_URL", live_server.url)
    monkeypatch.setenv("BOOPER_API_KEY", key)
    with Scheduler() as scheduler:
        yield scheduler


def printed(*arguments: str) -> str:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with contextlib.redirect_stdout(Terminal()) as terminal:
        assert cli.main(arguments) == 0
    return terminal.getvalue()


def test_a_schedule_is_made_changed_paused_run_and_deleted_by_the_sdk(scheduler: Scheduler) -> None:
    preview = scheduler.preview({**REQUEST, "cron": "0 9 * * *", "count": 2})
    job = scheduler.jobs.create({**REQUEST, "cron": "0 9 * * *"})
    [schedule] = scheduler.schedules.list(order_by="inserted_at,asc")
    assert schedule == scheduler.schedules.get(str(job["schedule_id"]))
    assert schedule["next_run_at"] == job["job"]["scheduled_at"] == preview["runs"][0]["at"]
    assert [each["id"] for each in scheduler.schedules.iterate()] == [schedule["id"]]
    assert scheduler.schedules.update(schedule["id"], {"repeat_every": [2, "days"]})["frequency"] == {
        "repeat_every": [2, "days"]
    }
    with pytest.raises(BadRequest) as refusal:
        scheduler.schedules.update(schedule["id"], {"max_runs": 0})
    assert refusal.value.errors[0]["pointer"] == "/max_runs"
    assert scheduler.schedules.disable(schedule["id"])["next_run_at"] is None
    assert scheduler.schedules.enable(schedule["id"])["disabled_at"] is None
    assert scheduler.schedules.trigger(schedule["id"])["schedule_id"] == schedule["id"]
    assert len(scheduler.jobs.list(schedule_id=schedule["id"], state="available")) == 1
    assert scheduler.schedules.delete(schedule["id"])["id"] == schedule["id"]
    with pytest.raises(NotFound):
        scheduler.schedules.get(schedule["id"])


def test_a_schedule_that_has_no_run_left_is_a_conflict(scheduler: Scheduler) -> None:
    job = scheduler.jobs.create({**REQUEST, "repeat_every": 60, "max_runs": 1})
    with pytest.raises(Conflict, match="raise max_runs first"):
        scheduler.schedules.enable(str(job["schedule_id"]))


def test_the_command_shows_previews_and_schedules(scheduler: Scheduler) -> None:
    shown = printed("preview", "--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin", "--field", "count:=2")
    lines = shown.splitlines()
    assert lines[0] == "description  at 09:00 on weekdays, Europe/Berlin"
    assert len([line for line in lines if "T09:00:00+0" in line]) == 2
    schedule_id = str(scheduler.jobs.create({**REQUEST, "cron": "0 9 * * *", "name": "report"})["schedule_id"])
    assert "at 09:00" in printed("schedules", "list")
    assert "next_run_at" in printed("schedules", "get", schedule_id)
    assert "disabled_at" in printed("schedules", "disable", schedule_id)
    assert "schedule_id" in printed("schedules", "trigger", schedule_id)
    assert schedule_id in printed("schedules", "resume", "report")
    assert cli.main(("schedules", "delete", "report")) == 1  # said twice, a name would delete another one
    assert schedule_id in printed("schedules", "delete", schedule_id)
