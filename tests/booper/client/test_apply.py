"""`booper apply` against the real API: what it shows, what it writes, and what it leaves alone."""

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from booper import cli
from booper.client import Scheduler
from booper.client.transport import Transport
from jobs.models import ApiKey, Calendar, Queue, Schedule
from tests.conftest import Announced
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

FILE = """\
managed_by: ops
queues:
  mail:
    concurrency: 5
    rate: {limit: 100, period: 1 minute}
calendars:
  closed:
    dates: [2030-12-25]
schedules:
  daily-report:
    url: https://example.com/report
    cron: "0 9 * * MON-FRI"
    timezone: Europe/London
    skip_on: [closed]
    queue: mail
  poll:
    url: https://example.com/poll
    method: post
    repeat_every: 5 minutes
    headers: {Authorization: Bearer abc}
    body: {user: {name: Ada, age: 36}, ok: no}
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ran:
    """One run of the command on a terminal: its exit code, and what it said."""

    def __init__(self, *arguments: str) -> None:
        out, err = Terminal(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = cli.main(arguments)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture
def scheduler(live_server: LiveServer, announced: Announced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    monkeypatch.setenv("BOOPER_API_URL", live_server.url)
    monkeypatch.setenv("BOOPER_API_KEY", ApiKey.issue(make_user().id, name="test")[1])
    with Scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that write, as they are made."""
    calls: list[str] = []
    call = Transport.call

    def noted(self: Transport, method: str, path: str, **how: Any) -> Any:
        if method != "GET" and path != "/api/apply-check":
            calls.append(f"{method} {path}")
        return call(self, method, path, **how)

    monkeypatch.setattr(Transport, "call", noted)
    return calls


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(FILE)
    return path


def test_a_file_is_made_real_in_the_order_of_what_needs_what(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    ran = Ran("apply", str(file), "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert "create  schedule daily-report\n" in ran.out
    assert ran.out.endswith("4 to create, 0 to change, 0 unchanged.\nDone: 4 made.\n")
    assert written == [
        "PUT /api/queues/mail",
        "PUT /api/calendars/closed",
        "PUT /api/schedules/daily-report",
        "PUT /api/schedules/poll",
    ]
    row = scheduler.schedules.get("poll")
    assert (row["managed_by"], row["frequency"]) == ("ops", {"repeat_every": [5, "minutes"]})
    assert row["args"]["body"] == {"user": {"name": "Ada", "age": 36}, "ok": "no"}


def test_the_same_file_again_changes_nothing_and_sends_no_writing_call(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    Ran("apply", str(file), "--yes")
    before = [*Schedule.objects.values(), *Queue.objects.values(), *Calendar.objects.values()]
    del written[:]
    ran = Ran("apply", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "0 to create, 0 to change, 4 unchanged.\n", "")
    assert written == []
    assert [*Schedule.objects.values(), *Queue.objects.values(), *Calendar.objects.values()] == before


def test_a_change_is_shown_field_by_field_and_a_secret_is_not(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    Ran("apply", str(file), "--yes")
    text = file.read_text().replace("age: 36", "age: 37").replace("Bearer abc", "Bearer xyz").replace("5 min", "6 min")
    file.write_text(text.replace("concurrency: 5", "concurrency: 6").replace("2030-12-25", "2030-12-26"))
    del written[:]
    ran = Ran("apply", str(file), "--dry-run")
    assert ran.code == 4
    assert written == []
    assert ran.out == (
        "change  queue mail\n"
        "          concurrency: 5 -> 6\n"
        "change  calendar closed\n"
        '          dates: ["2030-12-25"] -> ["2030-12-26"]\n'
        "change  schedule poll\n"
        '          repeat_every: "5 minutes" -> "6 minutes"\n'
        '          headers.Authorization: "***" -> "***"\n'
        "          body.user.age: 36 -> 37\n"
        "\n"
        "0 to create, 3 to change, 1 unchanged.\n"
    )
    assert Ran("apply", str(file), "--yes").code == 0
    assert Ran("apply", str(file), "--dry-run").code == 0


def test_what_is_paused_by_hand_stays_paused(scheduler: Scheduler, written: list[str], file: Path) -> None:
    Ran("apply", str(file), "--yes")
    scheduler.schedules.disable("poll")
    scheduler.queues.pause("mail")
    file.write_text(file.read_text().replace("age: 36", "age: 37").replace("concurrency: 5", "concurrency: 6"))
    ran = Ran("apply", str(file), "--yes")
    assert ran.code == 0
    assert "change  schedule poll (disabled, and stays so)\n" in ran.out
    assert scheduler.schedules.get("poll")["disabled_at"] is not None
    assert scheduler.queues.get("mail") | {"waiting": 0, "running": 0} == scheduler.queues.get("mail")
    assert (scheduler.queues.get("mail")["paused"], scheduler.queues.get("mail")["concurrency"]) == (True, 6)


def test_what_a_file_has_no_more_is_deleted_by_prune_alone_and_others_are_left(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    Ran("apply", str(file), "--yes")
    scheduler.schedules.put("of-others", {"url": "https://example.com", "cron": "@daily", "managed_by": "others"})
    scheduler.schedules.put("of-nobody", {"url": "https://example.com", "cron": "@daily"})
    file.write_text(FILE[: FILE.index("  poll:")])
    kept = Ran("apply", str(file))
    assert (kept.code, kept.out.splitlines()[0]) == (
        0,
        "gone    schedule poll (in no file any more; --prune deletes it)",
    )
    pruned = Ran("apply", str(file), "--prune", "--yes")
    assert pruned.out.endswith("0 to create, 0 to change, 1 to delete, 3 unchanged.\nDone: 1 deleted.\n")
    assert {row["key"] for row in scheduler.schedules.list()} == {"daily-report", "of-others", "of-nobody"}
    assert Ran("apply", str(file), "--prune").code == 0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0 9 * * MON-FRI", "0 25 * * *", "12:5: schedules.daily-report.cron: '25' is out of range"),
        (
            "    queue: mail",
            "    queeu: mail",
            "15:5: schedules.daily-report.queeu: there is no such field: did you mean",
        ),
        ("  poll:", "  daily-report:", "16:3: the key 'daily-report' comes twice: keep one"),
        ("schedules:", "shedules:", "9:1: shedules: there is no such field: did you mean schedules?"),
        ("concurrency: 5", "concurrency: many", "4:5: queues.mail.concurrency: 'many' is not a whole number"),
        ("[2030-12-25]", "[2030-13-25]", "8:13: calendars.closed.dates.0: '2030-13-25' is no day"),
        (
            "skip_on: [closed]",
            "skip_on: [open]",
            "14:15: schedules.daily-report.skip_on.0: there is no calendar 'open'",
        ),
        ("Bearer abc", '"{{secret:NOT_THERE}}"', "20:15: schedules.poll.headers.Authorization: there is no secret"),
        ("Bearer abc", "{{secret:NOT_THERE}}", "20:31: a key is a text here: put a text such as"),
        ("name: Ada", "name: [", "21:26: while parsing a flow node"),
        ("managed_by: ops", "managed_by: 7", "1:1: managed_by: it is not a text of 1 to 255 characters"),
        ("    url: https://example.com/poll\n", "", "16:3: schedules.poll.url: it is required"),
        ("    repeat_every: 5 minutes\n", "", "16:3: schedules.poll: a schedule needs cron or repeat_every"),
    ],
)
def test_a_bad_file_changes_nothing_and_says_where(
    scheduler: Scheduler, written: list[str], file: Path, old: str, new: str, line: str
) -> None:
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    ran = Ran("apply", str(file), "--yes")
    assert (ran.code, ran.out, written) == (2, "", [])
    assert f"{file}:{line}" in ran.err
    assert not Schedule.objects.exists()
    assert not Queue.objects.exists()
    assert not Calendar.objects.exists()


def test_all_that_is_wrong_is_said_at_once(scheduler: Scheduler, file: Path) -> None:
    file.write_text(
        FILE.replace("0 9 * * MON-FRI", "9").replace("5 minutes", "5 parsecs").replace("limit: 100", "limit: 0")
    )
    assert len(Ran("apply", str(file), "--yes").err.splitlines()) == 3


def test_what_is_there_as_the_file_has_it_is_not_judged_by_todays_rules(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    file.write_text("schedules: {once: {url: 'https://example.com', cron: '@daily', ends_at: 2030-01-01}}")
    assert Ran("apply", str(file), "--yes").code == 0
    Schedule.objects.update(args={**Schedule.objects.get().args, "ends_at": "2020-01-01"})
    file.write_text("schedules: {once: {url: 'https://example.com', cron: '@daily', ends_at: 2020-01-01}}")
    assert Ran("apply", str(file)).code == 0


def test_a_folder_is_read_with_the_folders_in_it_and_nothing_may_stand_twice(
    scheduler: Scheduler, written: list[str], tmp_path: Path
) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "a.yaml").write_text("calendars: {closed: {dates: [2030-12-25]}}\nmanaged_by: a\n")
    one = {"one": {"url": "https://example.com", "cron": "@daily", "skip_on": "closed"}}
    (tmp_path / "team" / "b.json").write_text(json.dumps({"managed_by": "b", "schedules": one}, indent=2))
    (tmp_path / ".hidden.yaml").write_text("nonsense")
    assert Ran("apply", str(tmp_path), "--yes").code == 0
    assert scheduler.schedules.get("one")["managed_by"] == "b"
    (tmp_path / "c.yml").write_text("schedules:\n  one: {url: 'https://example.com', cron: '@daily'}\n")
    ran = Ran("apply", str(tmp_path), "--yes")
    assert ran.code == 2
    assert f"{tmp_path / 'team' / 'b.json'}:4:5: schedules.one: it stands in {tmp_path / 'c.yml'}:2 too" in ran.err


def test_more_than_one_call_takes_is_checked_in_parts(scheduler: Scheduler, written: list[str], tmp_path: Path) -> None:
    text = "calendars:\n" + "".join(f"  c{number}: {{dates: [2030-01-01]}}\n" for number in range(25))
    text += "schedules:\n" + "".join(
        f"  s{number}: {{url: 'https://example.com', cron: '@daily', skip_on: [c{number % 25}, c{number % 7}]}}\n"
        for number in range(60)
    )
    (tmp_path / "many.yaml").write_text(text)
    assert Ran("apply", str(tmp_path / "many.yaml"), "--yes").out.endswith("Done: 85 made.\n")
    (tmp_path / "many.yaml").write_text(text.replace("  s59: {url:", "  s59: {uri:"))
    assert "many.yaml:87:9: schedules.s59.uri: there is no such field" in Ran("apply", str(tmp_path)).err


def test_nobody_is_asked_where_nobody_is_and_no_is_the_answer_to_anything_but_yes(
    scheduler: Scheduler, written: list[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert (Ran("apply", str(file)).code, written) == (2, [])
    for answer, code in (("n\n", 130), ("", 130), ("\n", 130)):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        ran = Ran("apply", str(file))
        assert (ran.code, ran.out.splitlines()[-1], written) == (code, "Nothing was changed.", [])
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert Ran("apply", str(file)).code == 0
    assert len(written) == 4


def test_nothing_is_written_over_the_question_while_somebody_thinks(
    scheduler: Scheduler, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Terminal):
        def readline(self, *_: Any) -> str:  # type: ignore[override]
            threading.Event().wait(1.3)
            return "n\n"

    monkeypatch.setattr("sys.stdin", Slow())
    monkeypatch.setattr("sys.stderr", err := Terminal())
    assert cli.main(["apply", str(file)]) == 130
    assert err.getvalue().endswith("Do these 4? [y/N] ")
    assert "waiting" not in err.getvalue()


def test_piped_it_says_the_plan_as_json(scheduler: Scheduler, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["apply", str(file), "--dry-run"]) == 4
    shown = json.loads(capsys.readouterr().out)
    assert (shown["writes"], shown["applied"]) == (4, False)
    assert shown["steps"][0] == {"action": "create", "kind": "queue", "name": "mail"}
    assert cli.main(["apply", str(file), "--yes"]) == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["applied"] is True
    assert "4 to create" in out.err


def test_a_step_that_is_refused_stops_the_rest_and_says_how_far_it_came(
    scheduler: Scheduler, written: list[str], file: Path
) -> None:
    scheduler.jobs.create({"url": "https://example.com", "schedule_in": 600, "idempotency_key": "held"})
    file.write_text(FILE.replace("    repeat_every", "    idempotency_key: held\n    repeat_every"))
    ran = Ran("apply", str(file), "--yes")
    assert ran.code == 1
    assert "stopped at schedule poll, 3 of 4 were done before it" in ran.err
    assert "409" in ran.err
    assert {row["key"] for row in scheduler.schedules.list()} == {"daily-report"}
