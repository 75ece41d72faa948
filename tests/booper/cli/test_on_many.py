"""The commands that do something to all that a list would have."""

from typing import Any

import pytest

from booper import cli
from tests.fake_api import FakeApi


@pytest.mark.parametrize(
    ("command", "path", "query"),
    [
        ("jobs retry-many --all --dry-run", "/api/jobs/retry", {"all": "true", "dry_run": "true"}),
        ("jobs run-many --tag red,late", "/api/jobs/run", {"tag": "red,late"}),
        ("jobs delete-many --ended-before 2026-01-01", "/api/jobs/delete", {"ended_before": "2026-01-01"}),
        ("jobs cancel-many --host a.example --dry-run", "/api/jobs/cancel", {"host": "a.example", "dry_run": "true"}),
        ("deliveries resend-many --state failed", "/api/deliveries/resend", {"state": "failed"}),
    ],
)
def test_a_verb_on_many_takes_the_filters_of_the_list(
    api: FakeApi, command: str, path: str, query: dict[str, Any]
) -> None:
    api.answer({"matched": 3})
    assert cli.main(command.split()) == 0
    assert (api.last.method, api.last.path, api.last.query) == ("POST", path, query)


@pytest.mark.parametrize("command", ["jobs retry-many", "jobs delete-many --dry-run", "deliveries resend-many"])
def test_a_verb_on_many_without_a_filter_is_refused(
    api: FakeApi, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command.split()) == 2
    assert "--all everything" in capsys.readouterr().err
    assert api.calls == []
