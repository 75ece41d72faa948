"""`booper export` and `booper import crontab` against the real API: what they write, `booper apply` leaves alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from pytest_django.live_server_helper import LiveServer

from booper import cli
from booper.client import Scheduler
from jobs.models import ApiKey, Schedule
from tests.booper.cli.as_code.test_crontab import WILD
from tests.booper.client.test_apply import FILE, Ran
from tests.conftest import Announced
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

CALENDAR = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20301225\r\nSUMMARY:no\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
SCHEDULE = {"url": "https://example.com", "cron": "@daily"}


@pytest.fixture
def scheduler(live_server: LiveServer, announced: Announced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    monkeypatch.setenv("BOOPER_API_URL", live_server.url)
    monkeypatch.setenv("BOOPER_API_KEY", ApiKey.issue(make_user().id, name="test")[1])
    with Scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("options", "name"), [((), "a.yaml"), (("--output", "json"), "a.json")])
def test_what_is_exported_is_applied_without_a_change(
    scheduler: Scheduler, file: Path, tmp_path: Path, options: tuple[str, ...], name: str
) -> None:
    Ran("apply", str(file), "--yes")
    scheduler.calendars.put("events", {"ics": CALENDAR})
    body = {"text": "two\nlines\n", "code": "010", "no": "no", "n": 1.50, "deep": [{"a": None}], "\u2028": "* * *"}
    scheduler.schedules.put("odd", {**SCHEDULE, "managed_by": "ops", "body": body, "skip_on": "events"})
    exported = Ran("export", *options)
    assert (exported.code, exported.err) == (0, "")
    (tmp_path / name).write_text(exported.out)
    applied = Ran("apply", str(tmp_path / name), "--prune")
    assert (applied.code, applied.out, applied.err) == (0, "0 to create, 0 to change, 6 unchanged.\n", "")


def test_an_export_makes_the_same_of_another_account(scheduler: Scheduler, file: Path, tmp_path: Path) -> None:
    Ran("apply", str(file), "--yes")
    (tmp_path / "a.yaml").write_text(Ran("export").out)
    other = ApiKey.issue(make_user(email="other@example.com").id, name="other")[1]
    assert Ran("apply", str(tmp_path / "a.yaml"), "--yes", "--api-key", other).code == 0
    assert Ran("export", "--api-key", other).out == Ran("export").out


def test_a_schedule_without_a_key_is_left_out_and_that_is_said(scheduler: Scheduler) -> None:
    scheduler.jobs.create(SCHEDULE)
    ran = Ran("export")
    assert ran.out.endswith("\nschedules: {}\n")
    assert ran.err == "booper: 1 schedule has no key and no place in a file: booper schedules put KEY makes one\n"


def test_a_file_has_the_schedules_of_one_managed_by_and_what_they_name(scheduler: Scheduler, file: Path) -> None:
    Ran("apply", str(file), "--yes")
    scheduler.queues.update("other", {"concurrency": 1})
    scheduler.schedules.put("mine", {**SCHEDULE, "queue": "other"})
    several = Ran("export")
    assert (several.code, several.out) == (2, "")
    assert "--managed-by '', --managed-by 'ops'" in several.err
    of_ops = json.loads(Ran("export", "--managed-by", "ops", "--output", "json").out)
    assert (of_ops["managed_by"], [*of_ops["schedules"]]) == ("ops", ["daily-report", "poll"])
    assert ([*of_ops["queues"]], [*of_ops["calendars"]]) == (["mail"], ["closed"])
    of_nobody = json.loads(Ran("export", "--managed-by", "", "--output", "json").out)
    assert of_nobody == {
        "queues": {"other": {"concurrency": 1}},
        "calendars": {},
        "schedules": {"mine": {**SCHEDULE, "queue": "other"}},
    }


def test_a_crontab_is_printed_as_a_file_that_is_applied(
    scheduler: Scheduler, tmp_path: Path, settings: LazySettings
) -> None:
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    (tmp_path / "crontab").write_text(WILD)
    imported = Ran("import", "crontab", str(tmp_path / "crontab"), "--managed-by", "cron")
    assert imported.code == 1
    assert imported.err.startswith("booper: 32 lines taken, 28 refused\n")
    assert max(map(len, imported.out.split("\n"))) <= 100
    (tmp_path / "a.yaml").write_text(imported.out)
    assert Ran("apply", str(tmp_path / "a.yaml"), "--yes").out.endswith("Done: 32 made.\n")
    assert Schedule.objects.get(key="market.example.com-open").timezone == "America/New_York"
    refused = Ran("import", "crontab", str(tmp_path / "crontab"), "--yes")
    assert (refused.code, refused.out) == (2, "")


def test_a_crontab_is_applied_at_once_if_no_line_is_refused(scheduler: Scheduler, tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text("@daily curl -s https://example.com/a\n")
    for text in ("1 to create, 0 to change, 0 unchanged.\nDone: 1 made.\n", "0 to create, 0 to change, 1 unchanged.\n"):
        ran = Ran("import", "crontab", str(tmp_path / "crontab"), "--yes")
        assert ran.code == 0
        assert ran.out.endswith(text)


def test_a_crontab_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert cli.main(["import", "crontab", str(tmp_path / "nowhere")]) == 2
