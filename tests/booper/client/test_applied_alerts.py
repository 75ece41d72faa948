"""Alerts in the files of `booper apply` and `booper export`, against the real API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from booper.client import Scheduler
from booper.client.transport import Transport
from jobs.models import Alert, ApiKey, Scope, User
from tests.booper.client.test_apply import Ran
from tests.conftest import Announced
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

FILE = """\
managed_by: ops
schedules:
  poll:
    url: https://example.com/poll
    repeat_every: 5 minutes
alerts:
  "nobody's mail":
    when: {not_run: 1 hour}
    of: {tag: "mail,red"}
    to: ["https://EXAMPLE.com/alerts"]
  failing:
    when: {failing: {share: 0.5, of_last: 1 hour}}
    to: ["https://example.com/alerts"]
    mute_for: 2 hours
"""


@pytest.fixture
def scheduler(live_server: LiveServer, announced: Announced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    monkeypatch.setenv("BOOPER_API_URL", live_server.url)
    monkeypatch.setenv("BOOPER_API_KEY", ApiKey.issue(make_user().id, name="test")[1])
    with Scheduler() as scheduler:
        yield scheduler


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The calls about alerts that write, each with the name or the fields that were sent."""
    calls: list[tuple[str, str]] = []
    call = Transport.call

    def noted(self: Transport, method: str, path: str, **how: object) -> object:
        if method != "GET" and path.startswith("/api/alerts"):
            calls.append((method, path))
        return call(self, method, path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Transport, "call", noted)
    return calls


def test_alerts_are_made_after_schedules_and_the_same_file_again_changes_nothing(
    scheduler: Scheduler, written: list[tuple[str, str]], file: Path
) -> None:
    ran = Ran("apply", str(file), "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "create  schedule poll\n"
        "create  alert nobody's mail\n"
        "create  alert failing\n"
        "\n"
        "3 to create, 0 to change, 0 unchanged.\n"
        "Done: 3 made.\n"
    )
    assert {row["name"]: row["when"] for row in scheduler.alerts.list()} == {
        "nobody's mail": {"not_run": [1, "hours"]},
        "failing": {"failing": {"share": 0.5, "of_last": [1, "hours"], "at_least": 1}},
    }
    before = [*Alert.objects.order_by("id").values()]
    del written[:]
    again = Ran("apply", str(file))
    assert (again.code, again.out, written) == (0, "0 to create, 0 to change, 3 unchanged.\n", [])
    assert [*Alert.objects.order_by("id").values()] == before


def test_a_change_is_shown_field_by_field_and_what_is_left_out_is_as_if_it_was_never_said(
    scheduler: Scheduler, written: list[tuple[str, str]], file: Path
) -> None:
    Ran("apply", str(file), "--yes")
    watched_from = {row.name: row.watched_from for row in Alert.objects.all()}
    text = (
        FILE.replace('"mail,red"', "mail").replace("share: 0.5", "share: 0.75").replace("    mute_for: 2 hours\n", "")
    )
    file.write_text(text)
    del written[:]
    ran = Ran("apply", str(file), "--dry-run")
    assert (ran.code, written) == (4, [])
    assert ran.out == (
        "change  alert nobody's mail\n"
        '          of.tag: ["mail", "red"] -> "mail"\n'
        "change  alert failing\n"
        "          when.failing.share: 0.5 -> 0.75\n"
        '          mute_for: [2, "hours"] -> nothing\n'
        "\n"
        "0 to create, 2 to change, 1 unchanged.\n"
    )
    assert Ran("apply", str(file), "--yes").code == 0
    assert [method for method, _ in written] == ["PATCH", "PATCH"]
    row = Alert.objects.get(name="failing")
    assert (row.when["failing"]["share"], row.mute_for) == (0.75, None)
    assert row.watched_from > watched_from["failing"]
    file.write_text(text.replace("to: [", 'mute_for: 1 week\n    to: ["https://example.com/too", ', 1))
    watched = Alert.objects.get(name="nobody's mail").watched_from
    assert Ran("apply", str(file), "--yes").code == 0
    changed = Alert.objects.get(name="nobody's mail")
    assert (changed.watched_from, changed.mute_for, len(changed.to)) == (watched, [1, "weeks"], 2)
    assert Ran("apply", str(file)).code == 0


def test_alerts_that_are_in_no_file_stay_whether_or_not_it_is_pruned(scheduler: Scheduler, file: Path) -> None:
    Ran("apply", str(file), "--yes")
    file.write_text(FILE[: FILE.index("  failing:")])
    for options in ((), ("--prune", "--yes")):
        ran = Ran("apply", str(file), *options)
        assert (ran.code, ran.out) == (0, "0 to create, 0 to change, 2 unchanged.\n")
    assert Alert.objects.count() == 2


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("not_run: 1 hour", "not_run: 1 parsec", "8:12: alerts.nobody's mail.when.not_run: "),
        ("    when: {not_run: 1 hour}\n", "", "7:3: alerts.nobody's mail.when: it is required"),
        ("mute_for: 2 hours", "mutefor: 2 hours", "14:5: alerts.failing.mutefor: there is no such field: did you mean"),
        ('to: ["https://EXAMPLE.com/alerts"]', "to: [/alerts]", "10:10: alerts.nobody's mail.to.0: "),
        (
            "  failing:\n",
            "  failing:\n    name: other\n",
            "12:5: alerts.failing.name: it is what the alert stands under",
        ),
        ("  failing:\n", "  failing: 1\n  other:\n", "11:3: alerts.failing: it is a number and not a mapping"),
        ("https://example.com/poll", "nowhere", "4:5: schedules.poll.url: "),
    ],
)
def test_a_bad_file_changes_nothing_and_says_line_and_column(
    scheduler: Scheduler, written: list[tuple[str, str]], file: Path, old: str, new: str, line: str
) -> None:
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    ran = Ran("apply", str(file), "--yes")
    assert (ran.code, ran.out, written) == (2, "", [])
    assert f"{file}:{line}" in ran.err
    assert not Alert.objects.exists()


def test_a_key_that_may_not_see_alerts_is_refused_before_anything_is_written(scheduler: Scheduler, file: Path) -> None:
    writer = ApiKey.issue(User.objects.get().id, name="writer", scope=Scope.WRITE)[1]
    ran = Ran("apply", str(file), "--yes", "--api-key", writer)
    assert (ran.code, ran.out) == (1, "")
    assert "alerts in a file need admin" in ran.err
    assert not scheduler.schedules.list()


@pytest.mark.parametrize(("options", "name"), [((), "a.yaml"), (("--output", "json"), "a.json")])
def test_what_is_exported_is_applied_without_a_change(
    scheduler: Scheduler, file: Path, tmp_path: Path, options: tuple[str, ...], name: str
) -> None:
    Ran("apply", str(file), "--yes")
    exported = Ran("export", *options)
    assert (exported.code, exported.err) == (0, "")
    (tmp_path / name).write_text(exported.out)
    applied = Ran("apply", str(tmp_path / name))
    assert (applied.code, applied.out, applied.err) == (0, "0 to create, 0 to change, 3 unchanged.\n", "")


def test_an_export_has_alerts_if_the_key_may_read_them_and_not_if_it_is_of_one_managed_by(
    scheduler: Scheduler, file: Path
) -> None:
    Ran("apply", str(file), "--yes")
    whole = json.loads(Ran("export", "--output", "json").out)
    assert [*whole["alerts"]] == ["failing", "nobody's mail"]
    assert whole["alerts"]["nobody's mail"] == {
        "when": {"not_run": [1, "hours"]},
        "of": {"tag": ["mail", "red"]},
        "to": ["https://example.com/alerts"],
    }
    assert "alerts" not in json.loads(Ran("export", "--output", "json", "--managed-by", "ops").out)
    reader = ApiKey.issue(User.objects.get().id, name="reader", scope=Scope.READ)[1]
    ran = Ran("export", "--output", "json", "--api-key", reader)
    assert (ran.code, ran.err) == (0, "booper: alerts are left out: a key of the scope admin reads them\n")
    assert "alerts" not in json.loads(ran.out)
