"""The SDK and the command against the real API: many jobs at once, lists by cursor, queues."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from booper import cli
from booper.client import BadRequest, NotFound, Scheduler
from jobs.models import ApiKey
from tests.conftest import Announced
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://example.com/hook"


@pytest.fixture
def scheduler(live_server: LiveServer, announced: Announced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    monkeypatch.setenv("BOOPER_API_URL", live_server.url)
    monkeypatch.setenv("BOOPER_API_KEY", ApiKey.issue(make_user().id, name="test")[1])
    with Scheduler() as scheduler:
        yield scheduler


def test_many_jobs_are_made_read_and_cancelled_by_the_sdk(scheduler: Scheduler) -> None:
    jobs = [{"url": f"{URL}/{number}", "schedule_in": 600, "name": "many"} for number in range(25)]
    answers = scheduler.jobs.create_many([*jobs, {"url": "nonsense"}])
    assert [answer.get("args") for answer in answers] == [*jobs, None]
    [refused] = [answer for answer in answers if "job_id" not in answer]
    assert refused["error"]["errors"][0]["pointer"] == "/url"
    listed = list(scheduler.jobs.iterate(page_size=10, order_by="inserted_at,asc"))
    assert listed == answers[:-1]
    assert len(list(scheduler.jobs.iterate(page_size=10, offset=20))) == 5
    with pytest.raises(BadRequest):
        scheduler.jobs.cancel_many(state="finished")
    assert scheduler.jobs.cancel_many(name="many", url=f"{URL}/7") == {"matched": 1, "cancelled": 1}
    assert scheduler.jobs.cancel_many(all=True) == {"matched": 24, "cancelled": 24}
    assert len(list(scheduler.logs.iterate(page_size=10, event="job.cancelled"))) == 25


def test_queues_are_limited_paused_and_resumed_by_the_sdk(scheduler: Scheduler) -> None:
    with pytest.raises(NotFound):
        scheduler.queues.pause("mail")
    scheduler.jobs.create({"url": URL, "queue": "mail"})
    assert scheduler.queues.get("mail")["waiting"] == 1
    limits = {"concurrency": 2, "rate": {"limit": 10, "period": [30, "seconds"]}}
    scheduler.queues.update("mail", limits)
    paused = scheduler.queues.pause("mail")
    assert {name: paused[name] for name in ("concurrency", "rate", "paused")} == {**limits, "paused": True}
    assert scheduler.queues.resume("mail") == {**paused, "paused": False}
    assert [queue["name"] for queue in scheduler.queues.iterate()] == ["mail"]
    assert scheduler.queues.update("mail", {})["rate"] is None


def test_the_command_does_the_same(scheduler: Scheduler, tmp_path: Path) -> None:
    def shown(*arguments: str, code: int = 0) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
            assert cli.main(arguments) == code
        return out.getvalue()

    file = tmp_path / "jobs.jsonl"
    file.write_text("".join(json.dumps({"url": f"{URL}/{n}", "queue": "mail"}) + "\n" for n in range(3)) + "{}\n")
    answers = json.loads(shown("jobs", "create-many", str(file), code=1))
    assert ["job_id" not in answer for answer in answers] == [False, False, False, True]
    assert json.loads(shown("queues", "set", "mail", "--rate", "5/minute"))["rate"]["period"] == [1, "minute"]
    assert json.loads(shown("queues", "pause", "mail"))["waiting"] == 3
    assert json.loads(shown("jobs", "cancel-many", "--state", "available")) == {"matched": 3, "cancelled": 3}
    assert json.loads(shown("queues", "list"))[0]["waiting"] == 0
