"""docs/examples: what each page says to send is sent here, and what it says will come of it comes."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from booper import cli
from booper.outcomes.outcome import Outcome, Request, Response
from jobs.engine.stage import Finished
from jobs.models import Delivery, Job, Schedule
from jobs.recurring import firing
from jobs.running import stage
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.fake_api import API_KEY, FakeApi, serve

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
LONDON = ZoneInfo("Europe/London")
FIVE_MINUTES = timedelta(minutes=5)

Answer = tuple[int, Any]


def blocks_of(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (FOLDER / f"{page}.md").read_text(), re.DOTALL)


def job_of(page: str) -> dict[str, Any]:
    """The body that the page's curl sends."""
    [curl] = blocks_of(page, "sh")
    job: dict[str, Any] = json.loads(shlex.split(curl)[-1])
    return job


def endpoint_of(page: str, **names: Any) -> Callable[[Any], Any]:
    """The function that the page shows as the target, with the names it needs."""
    code = next(block for block in blocks_of(page, "python") if block.startswith("def "))
    exec(compile(code, page, "exec"), names)  # our own page
    function: Callable[[Any], Any] = names["announce_orders"]
    return function


@dataclass(slots=True)
class Target:
    """Stands in for the network: `answer` says status and JSON for each request, and all of them are kept."""

    clock: StoppedClock
    answer: Callable[[Request], Answer] = lambda request: (200, {})
    requests: list[tuple[datetime, Request]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body or b"null") for _, request in self.requests]

    @property
    def times(self) -> list[datetime]:
        return [at for at, _ in self.requests]

    def work(self) -> None:
        """Makes the requests of the jobs that are due, as a worker does."""
        worker_id, now = uuid4(), self.clock.moment
        started, _ = stage.claim(worker_id, limit=100, is_crowded=False, now=now)
        stage.record(worker_id, [Finished(item, self._outcome(item.request)) for item in started], now=now)

    def next_run(self) -> None:
        """What beat does when the next run is due, and a worker then."""
        due = firing.next_due()
        assert due is not None
        self.clock.moment = due.at
        assert firing.fire_due(limit=100, now=due.at) == 1
        self.work()

    def _outcome(self, request: Request | None) -> Outcome:
        assert request is not None
        self.requests.append((self.clock.moment, request))
        status, body = self.answer(request)
        response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode(), truncated=False)
        return Outcome(response=response, failure=None, duration_ms=1)


@pytest.fixture
def target(api: Api, stopped_clock: StoppedClock) -> Target:
    return Target(stopped_clock)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """Hears what the SDK and the command send."""
    with serve() as api:
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        monkeypatch.setenv("BOOPER_API_URL", api.url)
        yield api


def test_there_are_five_and_the_index_names_each() -> None:
    index = (FOLDER / "README.md").read_text()
    assert len(PAGES) == 5
    for page in PAGES:
        assert f"({page}.md)" in index


@pytest.mark.parametrize("page", PAGES)
def test_the_sdk_sends_what_curl_sends(page: str, server: FakeApi) -> None:
    code = next(block for block in blocks_of(page, "python") if "Scheduler()" in block)
    exec(compile(code, page, "exec"), {})  # our own page
    assert (server.last.path, server.last.body) == ("/api/jobs", job_of(page))


@pytest.mark.parametrize("page", PAGES)
def test_the_command_sends_what_curl_sends(page: str, server: FakeApi) -> None:
    [console] = blocks_of(page, "console")
    program, *arguments = shlex.split(console.removeprefix("$ ").replace("\\\n", " "))
    assert (program, cli.main(arguments)) == ("booper", 0)
    assert (server.last.path, server.last.body) == ("/api/jobs", job_of(page))


def test_the_stand_up_is_at_five_to_nine_on_weekdays_through_daylight_saving(api: Api, target: Target) -> None:
    target.clock.moment = datetime(2026, 3, 26, 12, tzinfo=UTC)  # a Thursday; summer time begins on Sunday
    data_of(api.post("/api/jobs", job_of("daily-stand-up")), status=201)
    for _ in range(7):
        target.next_run()
    local = [at.astimezone(LONDON) for at in target.times]
    assert [f"{at:%a %d %b %H:%M}" for at in local] == [
        "Fri 27 Mar 08:55",
        "Mon 30 Mar 08:55",
        "Tue 31 Mar 08:55",
        "Wed 01 Apr 08:55",
        "Thu 02 Apr 08:55",
        "Fri 03 Apr 08:55",
        "Mon 06 Apr 08:55",
    ]
    assert [at.hour for at in target.times[:2]] == [8, 7]
    assert target.bodies == [{"text": "Stand-up in five minutes"}] * 7


def test_a_stand_up_that_was_missed_is_not_made_up_for(api: Api, target: Target) -> None:
    data_of(api.post("/api/jobs", job_of("daily-stand-up")), status=201)
    target.clock.moment = datetime(2026, 3, 2, 10, tzinfo=UTC)  # Monday, and all was down at 08:55
    firing.fire_due(limit=100, now=target.clock.moment)
    target.work()
    assert target.requests == []
    target.next_run()
    assert target.times == [datetime(2026, 3, 3, 8, 55, tzinfo=UTC)]


def test_the_preview_of_the_stand_up_says_so(api: Api) -> None:
    data = data_of(api.post("/api/preview", job_of("daily-stand-up")))
    assert data["description"] == "at 08:55 on weekdays, Europe/London"
    assert data["request"]["body"] == {"text": "Stand-up in five minutes"}


def test_the_welcome_comes_once_three_days_after_two_sign_ups(api: Api, target: Target) -> None:
    first = data_of(api.post("/api/jobs", job_of("welcome-email")), status=201)
    target.clock.advance(hours=1)
    again = data_of(api.post("/api/jobs", job_of("welcome-email")), status=200)
    assert (again["id"], again["job"]["has_conflict"]) == (first["id"], True)
    target.work()
    assert target.requests == []
    target.clock.moment = NOON + timedelta(days=3)
    target.work()
    target.work()
    assert target.bodies == [{"to": "ada@example.com", "template": "welcome"}]
    assert dict(target.requests[0][1].headers)["Authorization"] == "Bearer mail-secret"


def test_a_welcome_that_fails_is_sent_again_under_the_same_key(api: Api, target: Target) -> None:
    answers: Iterator[Answer] = iter([(503, {"error": "busy"}), (200, {"sent": True})])
    target.answer = lambda request: next(answers)
    job_id = data_of(api.post("/api/jobs", job_of("welcome-email")), status=201)["job_id"]
    for _ in range(2):
        target.clock.moment = Job.objects.get(id=job_id).scheduled_at
        target.work()
    assert data_of(api.get(f"/api/jobs/{job_id}"))["job"]["state"] == "completed"
    first, second = (dict(request.headers) for _, request in target.requests)
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert (first["Booper-Attempt"], second["Booper-Attempt"]) == ("1", "2")


def test_who_has_left_gets_no_welcome(api: Api, target: Target) -> None:
    job_id = data_of(api.post("/api/jobs", job_of("welcome-email")), status=201)["job_id"]
    api.post(f"/api/jobs/{job_id}/cancel")
    target.clock.advance(days=4)
    target.work()
    assert target.requests == []


def test_the_poller_with_previous_announces_each_order_once(api: Api, target: Target) -> None:
    orders, announced = [16, 17], list[int]()
    endpoint = endpoint_of("poller-previous", orders=orders, announce=announced.append)
    answers: list[Any] = []

    def answer(request: Request) -> Answer:
        answers.append(endpoint(json.loads(request.body or b"")))
        return 200, answers[-1]

    target.answer = answer
    data_of(api.post("/api/jobs", job_of("poller-previous")), status=201)
    target.work()
    target.next_run()
    orders.append(18)
    target.next_run()
    assert announced == [16, 17, 18]
    # The table on the page.
    assert [body["after"] for body in target.bodies] == [None, 17, 17]
    assert answers == [
        {"announced": 2, "last": 17},
        {"announced": 0, "last": 17},
        {"announced": 1, "last": 18},
    ]
    assert target.times == [NOON, NOON + FIVE_MINUTES, NOON + 2 * FIVE_MINUTES]


def test_a_run_that_fails_makes_the_poller_with_previous_forget_nothing(api: Api, target: Target) -> None:
    answers: Iterator[Answer] = iter([(200, {"last": 17}), (410, {"last": 0}), (200, {"last": 17})])
    target.answer = lambda request: next(answers)
    data_of(api.post("/api/jobs", job_of("poller-previous")), status=201)
    target.work()
    target.next_run()
    target.next_run()
    assert [body["after"] for body in target.bodies] == [None, 17, 17]


def test_the_poller_with_previous_begins_again_after_a_pause(api: Api, target: Target) -> None:
    target.answer = lambda request: (200, {"last": 17})
    job = data_of(api.post("/api/jobs", job_of("poller-previous")), status=201)
    target.work()
    for verb in ("disable", "enable"):
        data_of(api.post(f"/api/schedules/{job['schedule_id']}/{verb}"))
    target.next_run()
    assert [body["after"] for body in target.bodies] == [None, None]


def test_a_poller_that_is_still_going_is_not_started_again(api: Api, target: Target) -> None:
    data_of(api.post("/api/jobs", job_of("poller-previous")), status=201)
    stage.claim(uuid4(), limit=1, is_crowded=False, now=NOON)
    target.next_run()
    assert target.requests == []
    assert Job.objects.filter(state="cancelled", occurrence_at=NOON + FIVE_MINUTES).exists()


def test_the_poller_with_state_announces_each_order_once_and_remembers_through_a_pause(
    api: Api, target: Target
) -> None:
    orders, announced = [16, 17], list[int]()
    endpoint = endpoint_of("poller-state", orders=orders, announce=announced.append)
    target.answer = lambda request: (200, endpoint(dict(parse_qsl(urlsplit(request.url).query))))
    schedule_id = data_of(api.post("/api/jobs", job_of("poller-state")), status=201)["schedule_id"]
    states = []

    def shown_state() -> Any:
        return data_of(api.get(f"/api/schedules/{schedule_id}"))["state"]

    target.work()
    states.append(shown_state())
    target.next_run()
    states.append(shown_state())
    for verb in ("disable", "enable"):
        data_of(api.post(f"/api/schedules/{schedule_id}/{verb}"))
    orders.append(18)
    target.next_run()
    states.append(shown_state())
    assert announced == [16, 17, 18]
    # The table on the page.
    assert [urlsplit(request.url).query for _, request in target.requests] == ["", "after=17", "after=17"]
    assert states == [{"cursor": {"last": last}} for last in (17, 17, 18)]
    assert [body["shop"] for body in target.bodies] == [7, 7, 7]


def test_the_monthly_report_is_made_on_the_last_day_of_each_month(api: Api, target: Target) -> None:
    data_of(api.post("/api/jobs", job_of("monthly-report")), status=201)
    for _ in range(14):
        target.next_run()
    local = [at.astimezone(LONDON) for at in target.times]
    assert [f"{at:%Y-%m-%d %H:%M}" for at in local] == [
        *("2027-01-31 18:00", "2027-02-28 18:00", "2027-03-31 18:00", "2027-04-30 18:00", "2027-05-31 18:00"),
        *("2027-06-30 18:00", "2027-07-31 18:00", "2027-08-31 18:00", "2027-09-30 18:00", "2027-10-31 18:00"),
        *("2027-11-30 18:00", "2027-12-31 18:00", "2028-01-31 18:00", "2028-02-29 18:00"),
    ]
    assert all((at + timedelta(days=1)).day == 1 for at in local)
    assert target.bodies[6]["month_ending"] == "2027-07-31T17:00:00Z"
    assert Delivery.objects.filter(kind="callback", url="https://reports.example.com/done").count() == 14
    assert Schedule.objects.get().run_count == 14


def test_a_report_that_is_late_is_about_its_month_all_the_same(api: Api, target: Target) -> None:
    data_of(api.post("/api/jobs", job_of("monthly-report")), status=201)
    target.clock.moment = datetime(2027, 2, 2, 9, tzinfo=UTC)
    firing.fire_due(limit=100, now=target.clock.moment)
    target.work()
    assert [body["month_ending"] for body in target.bodies] == ["2027-01-31T18:00:00Z"]
