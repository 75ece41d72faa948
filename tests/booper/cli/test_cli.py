"""The `booper` command: what it sends, prints and returns, and that the documentation tells the truth about it."""

import contextlib
import io
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from booper import cli
from tests.booper.cli.commands import URL
from tests.fake_api import API_KEY, JOB, QUEUE, FakeApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(arguments: Sequence[str]) -> tuple[int, str]:
    with contextlib.redirect_stdout(Terminal()) as terminal:
        code = cli.main(arguments)
    return code, terminal.getvalue()


def sent_by_run(api: FakeApi, *arguments: str) -> dict[str, Any]:
    """The job that `booper run POST <url> …` sends, without method and url."""
    assert cli.main(["run", "POST", URL, *arguments]) == 0
    job: dict[str, Any] = api.last.body
    assert (job.pop("method"), job.pop("url")) == ("post", URL)
    return job


def test_run_posts_a_job_and_prints_it(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "POST", URL]) == 0

    assert (api.last.method, api.last.path) == ("POST", "/api/jobs")
    assert api.last.headers["authorization"] == f"Bearer {API_KEY}"
    assert api.last.body == {"method": "post", "url": URL}
    assert json.loads(capsys.readouterr().out) == JOB


@pytest.mark.parametrize("method", ["get", "POST", "Put", "patch", "DELETE"])
def test_run_takes_each_method_in_any_case(api: FakeApi, method: str) -> None:
    assert cli.main(["run", method, URL]) == 0
    assert api.last.body["method"] == method.lower()


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["--in", "30 seconds"], {"schedule_in": [30, "seconds"]}),
        (["--in", "30"], {"schedule_in": [30, "seconds"]}),
        (["--in", "0.5 hours"], {"schedule_in": [0.5, "hours"]}),
        (["--in", "30s"], {"schedule_in": [30, "seconds"]}),
        (["--in", "1H30M"], {"schedule_in": [5400, "seconds"]}),
        (["--in", "1.5d"], {"schedule_in": [1.5, "days"]}),
        (["--every", "5m"], {"repeat_every": [5, "minutes"]}),
        (["--every", "2w"], {"repeat_every": [2, "weeks"]}),
        (["--timeout", "1m30s"], {"timeout": 90}),
        (["--at", "2026-12-01T09:00:00Z"], {"scheduled_at": "2026-12-01T09:00:00Z"}),
        (["--at", "1796115600"], {"scheduled_at": "1796115600"}),
        (["--every", "5 minutes"], {"repeat_every": [5, "minutes"]}),
        (
            ["--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin"],
            {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
        ),
        (["--in", "1 day", "--cron", "@hourly"], {"schedule_in": [1, "days"], "cron": "@hourly"}),
        (["--name", "n", "--description", "d"], {"name": "n", "description": "d"}),
        (["--idempotency-key", "k"], {"idempotency_key": "k"}),
        (
            ["--callback-url", "https://c", "--webhook-url", "https://w"],
            {"callback_url": "https://c", "webhook_url": "https://w"},
        ),
        (["--then", '{"url": "https://example.com/a"}'], {"then": {"url": "https://example.com/a"}}),
        (
            ["--on-failure", '{"url": "a"}', "--on-failure", '{"url": "b"}'],
            {"on_failure": [{"url": "a"}, {"url": "b"}]},
        ),
        (["--queue", "mail", "--tag", "red", "--tag", "late"], {"queue": "mail", "tags": ["red", "late"]}),
        (["--timeout", "2.5", "--max-attempts", "7"], {"timeout": 2.5, "max_attempts": 7}),
        (["--header", "X-Tenant: 7", "--header", "X-At:10:30"], {"headers": {"X-Tenant": "7", "X-At": "10:30"}}),
        (["--header", "X-Empty:"], {"headers": {"X-Empty": ""}}),
        (["--query", "a=1", "b:=2"], {"query": {"a": "1", "b": 2}}),
        (["--json", '{"a": [1, null]}'], {"body": {"a": [1, None]}}),
        (["--json", "null"], {"body": None}),
        (["--json", "[]"], {"body": []}),
        (["--field", "max_runs:=3", "overlap=skip"], {"max_runs": 3, "overlap": "skip"}),
        (["--field", "backoff[]:=5", "--field", "backoff[]=1 minute"], {"backoff": [5, "1 minute"]}),
    ],
)
def test_each_option_of_run_is_a_field(api: FakeApi, arguments: list[str], fields: dict[str, Any]) -> None:
    assert sent_by_run(api, *arguments) == fields


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (["name=Ada"], {"name": "Ada"}),
        (["age=36"], {"age": "36"}),
        (["age:=36", "ok:=true", "none:=null", "x:=1.5"], {"age": 36, "ok": True, "none": None, "x": 1.5}),
        (['tags:=["a"]'], {"tags": ["a"]}),
        (["text=a=b:=c"], {"text": "a=b:=c"}),
        (["empty="], {"empty": ""}),
        (["two words=Zoë \U0001f600"], {"two words": "Zoë \U0001f600"}),
        (["user[name]=Ada", "user[age]:=36"], {"user": {"name": "Ada", "age": 36}}),
        (["a[b][c]=1", "a[b][d]=2"], {"a": {"b": {"c": "1", "d": "2"}}}),
        (["tags[]=a", "tags[]:=2"], {"tags": ["a", 2]}),
        (["a[b][]=1", "a[b][]=2"], {"a": {"b": ["1", "2"]}}),
        (["a[][b]=1", "a[][b]=2"], {"a": [{"b": "1"}, {"b": "2"}]}),
        (["a[0]=x"], {"a": {"0": "x"}}),
        (["url=https://x/?a=b"], {"url": "https://x/?a=b"}),
        (["$state.cursor=$previous.next"], {"$state.cursor": "$previous.next"}),
    ],
)
def test_data_builds_a_body(api: FakeApi, data: list[str], body: Any) -> None:
    once_each = [argument for item in data for argument in ("--data", item)]

    assert sent_by_run(api, *once_each) == {"body": body}


DIGITS = ["0.1234567890123456789", "1e-400", "1.50", "1E16", "-0", "-0.0", "100000000000000000001"]


@pytest.mark.parametrize("number", DIGITS)
def test_a_number_goes_out_digit_by_digit(api: FakeApi, number: str) -> None:
    assert cli.main(["run", "POST", URL, "--data", f"x:={number}", f"list:=[{number}]"]) == 0
    assert f'"body": {{"x": {number}, "list": [{number}]}}'.encode() in api.last.content

    assert cli.main(["run", "POST", URL, "--json", f'{{"x": {number}}}']) == 0
    assert f'"body": {{"x": {number}}}'.encode() in api.last.content


@pytest.mark.parametrize("is_a_list", [True, False])
def test_numbers_of_many_jobs_go_out_digit_by_digit(api: FakeApi, tmp_path: Path, is_a_list: bool) -> None:
    jobs = [f'{{"url": "{URL}", "body": {number}}}' for number in DIGITS]
    file = tmp_path / "jobs"
    file.write_text(f"[{','.join(jobs)}]" if is_a_list else "\n".join(jobs))

    assert cli.main(["jobs", "create-many", str(file)]) == 0
    assert re.findall(rb'"body": ([^}]+)}', api.last.content) == [number.encode() for number in DIGITS]


def test_a_number_beyond_all_that_the_api_takes_is_a_mistake(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "POST", URL, "--data", "x:=1e999"]) == 2
    assert "1e999 is beyond 1.8e308" in capsys.readouterr().err
    assert api.calls == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "POST", URL, "--data", "a=1", "b:=2", "c[]=3"],
        ["run", "--data", "a=1", "b:=2", "c[]=3", "POST", URL],
        ["run", "POST", "--data", "a=1", "b:=2", "c[]=3", "--", URL],
        ["run", "--data=a=1", "b:=2", "POST", URL, "--data", "c[]=3"],
    ],
)
def test_many_fields_may_follow_one_data_wherever_it_stands(api: FakeApi, arguments: list[str]) -> None:
    assert cli.main(arguments) == 0
    assert api.last.body == {"method": "post", "url": URL, "body": {"a": "1", "b": 2, "c": ["3"]}}


@pytest.mark.parametrize("url", ["https://example.com/?a=b", "http://[::1]:8000/?a=b", "https://u.example/a=b"])
def test_a_url_after_data_is_not_taken_for_a_field(api: FakeApi, url: str) -> None:
    assert cli.main(["run", "post", "--data", "a=1", url]) == 0
    assert (api.last.body["url"], api.last.body["body"]) == (url, {"a": "1"})


@pytest.mark.parametrize("option", ["--data", "--json"])
def test_a_body_may_come_from_a_file_or_stdin(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    file = tmp_path / "body.json"
    file.write_text('\ufeff{"name": "Zoë"}', encoding="utf-8")
    assert sent_by_run(api, option, f"@{file}") == {"body": {"name": "Zoë"}}

    monkeypatch.setattr(sys, "stdin", io.StringIO("[1, 2]"))
    assert sent_by_run(api, option, "-") == {"body": [1, 2]}


def test_a_taken_idempotency_key_is_mentioned(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.answer({**JOB, "job": {**JOB["job"], "has_conflict": True}})
    assert cli.main(["run", "POST", URL, "--idempotency-key", "k"]) == 0

    assert "job 73496 already has this idempotency key" in capsys.readouterr().err


# The other commands

COMMANDS = [
    ("jobs list", "GET", "/api/jobs"),
    ("jobs get 7", "GET", "/api/jobs/7"),
    ("jobs cancel 7", "POST", "/api/jobs/7/cancel"),
    ("jobs cancel-many --all", "POST", "/api/jobs/cancel"),
    ("jobs run 7", "POST", "/api/jobs/7/run"),
    ("jobs retry 7", "POST", "/api/jobs/7/retry"),
    ("jobs timeline 7", "GET", "/api/jobs/7/timeline"),
    ("schedules list", "GET", "/api/schedules"),
    ("schedules get abc", "GET", "/api/schedules/abc"),
    ("schedules enable abc", "POST", "/api/schedules/abc/enable"),
    ("schedules disable abc", "POST", "/api/schedules/abc/disable"),
    ("schedules disable abc --reason later", "POST", "/api/schedules/abc/disable"),
    ("schedules put abc --json {}", "PUT", "/api/schedules/abc"),
    ("schedules skip abc --until 2026-12-27", "POST", "/api/schedules/abc/skip"),
    ("schedules backfill abc --from 2026-11-01 --to 2026-11-07 --dry-run", "POST", "/api/schedules/abc/backfill"),
    ("schedules trigger abc", "POST", "/api/schedules/abc/trigger"),
    ("schedules delete abc", "DELETE", "/api/schedules/abc"),
    ("calendars list", "GET", "/api/calendars"),
    ("calendars get closed", "GET", "/api/calendars/closed"),
    ("calendars put closed --json {}", "PUT", "/api/calendars/closed"),
    ("calendars delete closed", "DELETE", "/api/calendars/closed"),
    ("alerts list", "GET", "/api/alerts"),
    ("alerts get abc", "GET", "/api/alerts/abc"),
    ("alerts create --json {}", "POST", "/api/alerts"),
    ("alerts update abc --json {}", "PATCH", "/api/alerts/abc"),
    ("alerts test abc", "POST", "/api/alerts/abc/test"),
    ("alerts incidents abc", "GET", "/api/alerts/abc/incidents"),
    ("alerts delete abc", "DELETE", "/api/alerts/abc"),
    ("queues list", "GET", "/api/queues"),
    ("queues get mail", "GET", "/api/queues/mail"),
    ("queues set mail", "PUT", "/api/queues/mail"),
    ("logs list", "GET", "/api/logs"),
    ("logs get abc", "GET", "/api/logs/abc"),
    ("deliveries list", "GET", "/api/deliveries"),
    ("deliveries resend abc", "POST", "/api/deliveries/abc/resend"),
    ("jobs", "GET", "/api/jobs"),
    ("deliveries --state failed", "GET", "/api/deliveries"),
    ("receivers", "GET", "/api/receivers"),
    ("version", "GET", "/api/version"),
    ("jobs delete 7", "DELETE", "/api/jobs/7"),
    ("deliveries get abc", "GET", "/api/deliveries/abc"),
    ("receivers list", "GET", "/api/receivers"),
    ("receivers get abc", "GET", "/api/receivers/abc"),
    ("receivers enable abc", "POST", "/api/receivers/abc/enable"),
    ("inbox list", "GET", "/api/inbox"),
    ("inbox get abc", "GET", "/api/inbox/abc"),
    ("inbox clear", "DELETE", "/api/inbox"),
    ("inbox rotate", "POST", "/api/inbox/rotate"),
    ("secrets list", "GET", "/api/secrets"),
    ("secrets set CRM_TOKEN --value s3cr3t", "PUT", "/api/secrets/CRM_TOKEN"),
    ("secrets delete CRM_TOKEN", "DELETE", "/api/secrets/CRM_TOKEN"),
    ("keys list", "GET", "/api/keys"),
    ("keys create --name ci", "POST", "/api/keys"),
    ("keys rotate abc", "POST", "/api/keys/abc/rotate"),
    ("keys delete abc", "DELETE", "/api/keys/abc"),
    ("signing-secret show", "GET", "/api/signing-secret"),
    ("signing-secret rotate", "POST", "/api/signing-secret/rotate"),
    ("limits", "GET", "/api/limits"),
    ("preview --every '2 hours'", "POST", "/api/preview"),
    ("ping", "GET", "/api/ping"),
]


@pytest.mark.parametrize(("line", "method", "path"), COMMANDS)
def test_each_command_is_one_call(
    api: FakeApi, capsys: pytest.CaptureFixture[str], line: str, method: str, path: str
) -> None:
    assert cli.main(shlex.split(line)) == 0

    query = {"all": "true"} if "--all" in line else {"state": "failed"} if "--state" in line else {}
    assert [(call.method, call.path, call.query) for call in api.calls] == [(method, path, query)]
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("line", "method", "path"), COMMANDS)
def test_each_command_has_something_to_show_on_a_terminal(api: FakeApi, line: str, method: str, path: str) -> None:
    code, shown = on_a_terminal(shlex.split(line))

    assert code == 0
    assert shown.strip()
    assert not shown.startswith(("{", "["))
    assert (api.last.method, api.last.path) == (method, path)


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("jobs list --state scheduled,retryable", {"state": "scheduled,retryable"}),
        (
            "jobs list --limit 5 --offset 10 --order-by inserted_at,asc",
            {"limit": "5", "offset": "10", "order_by": "inserted_at,asc"},
        ),
        ("jobs list --schedule-id s --url u --name 'a b'", {"schedule_id": "s", "url": "u", "name": "a b"}),
        (
            "jobs list --inserted-after 2026-01-01 --inserted-before 2026-02-01",
            {"inserted_after": "2026-01-01", "inserted_before": "2026-02-01"},
        ),
        ("jobs list --tag red,late --queue mail", {"tag": "red,late", "queue": "mail"}),
        ("schedules list --limit 5", {"limit": "5"}),
        ("logs list --job-id 7 --event job.error --limit 5", {"job_id": "7", "event": "job.error", "limit": "5"}),
        ("deliveries list --job-id 7", {"job_id": "7"}),
        ("jobs cancel 7 --scope run", {"scope": "run"}),
        ("jobs cancel-many --state scheduled --name 'a b'", {"state": "scheduled", "name": "a b"}),
        ("queues list --order-by name,asc --limit 5", {"order_by": "name,asc", "limit": "5"}),
    ],
)
def test_filters_become_the_query(api: FakeApi, line: str, query: dict[str, str]) -> None:
    assert cli.main(shlex.split(line)) == 0
    assert api.last.query == query


def test_preview_sends_the_timing_alone(api: FakeApi) -> None:
    assert cli.main(["preview", "--cron", "0 9 * * *", "--timezone", "UTC", "--field", "max_runs:=2"]) == 0
    assert api.last.body == {"cron": "0 9 * * *", "timezone": "UTC", "max_runs": 2}


def test_ping_works_without_a_key(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOPER_API_KEY")
    assert cli.main(["ping"]) == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_server_key_and_output_may_stand_before_or_after_the_command(
    api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    monkeypatch.setenv("BOOPER_API_URL", "http://127.0.0.1:1")
    options = ["--api-url", api.url, "--api-key", "sk_other", "--output", "table"]
    assert cli.main([*options, "jobs", "list"] if is_first else ["jobs", "list", *options]) == 0

    assert api.last.headers["authorization"] == "Bearer sk_other"
    assert capsys.readouterr().out.startswith("JOB ")


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ([], {"paused": False}),
        (["--concurrency", "3", "--paused"], {"concurrency": 3, "paused": True}),
        (["--rate", "100/minute"], {"rate": {"limit": 100, "period": [1, "minutes"]}, "paused": False}),
        (["--rate", "5/30 seconds"], {"rate": {"limit": 5, "period": [30, "seconds"]}, "paused": False}),
        (["--rate", "5/1m30s"], {"rate": {"limit": 5, "period": [90, "seconds"]}, "paused": False}),
        (["--rate", "5 / 0.5"], {"rate": {"limit": 5, "period": [0.5, "seconds"]}, "paused": False}),
    ],
)
def test_the_limits_of_a_queue_are_set_all_at_once(api: FakeApi, arguments: list[str], limits: dict[str, Any]) -> None:
    assert cli.main(["queues", "set", "mail", *arguments]) == 0
    assert (api.last.method, api.last.path, api.last.body) == ("PUT", "/api/queues/mail", limits)


@pytest.mark.parametrize(("verb", "is_paused"), [("pause", True), ("resume", False)])
def test_a_queue_is_paused_and_resumed_with_its_limits_as_they_are(
    api: FakeApi, capsys: pytest.CaptureFixture[str], verb: str, is_paused: bool
) -> None:
    assert cli.main(["queues", verb, "mail"]) == 0
    assert api.last.body == {"concurrency": 5, "rate": QUEUE["rate"], "paused": is_paused}
    assert json.loads(capsys.readouterr().out) == QUEUE


@pytest.mark.parametrize(
    "text",
    [
        f'[{{"url": "{URL}"}}, {{"url": "{URL}", "body": {{"a": "é"}}}}]',
        f'\n{{"url": "{URL}"}}\n\n  {{"url": "{URL}", "body": {{"a": "é"}}}}\n',
    ],
)
def test_many_jobs_come_from_a_file_or_stdin(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "jobs.json"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    for source in (str(file), "-"):
        assert cli.main(["jobs", "create-many", source]) == 0
        assert (api.last.method, api.last.path) == ("POST", "/api/jobs/batch")
        assert api.last.body == {"jobs": [{"url": URL}, {"url": URL, "body": {"a": "é"}}]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_jobs_end_where_json_lines_do_and_nowhere_else(api: FakeApi, tmp_path: Path, end: str) -> None:
    bodies = ["a\u2028b", "a\u0085b", "a\u2029b\x7f"]
    file = tmp_path / "jobs.jsonl"
    lines = end.join(json.dumps({"url": URL, "body": body}, ensure_ascii=False) for body in bodies)
    file.write_bytes(f"{lines}{end}".encode())
    assert cli.main(["jobs", "create-many", str(file)]) == 0
    assert [job["body"] for job in api.last.body["jobs"]] == bodies


def test_refused_jobs_among_many_are_shown_and_end_with_1(
    api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "jobs.json"
    file.write_text("[{}, {}]")
    for _ in range(2):
        api.answer([JOB, {"error": {"status": 400, "detail": "url: it is required"}}], status=207)
    code, shown = on_a_terminal(["jobs", "create-many", str(file)])
    assert code == 1
    assert [line.split()[0] for line in shown.splitlines()] == ["JOB", "73496", "-"]
    assert "url: it is required" in shown.splitlines()[2]
    assert "1 of 2 were refused" in capsys.readouterr().err

    assert cli.main(["jobs", "create-many", str(file)]) == 1
    assert json.loads(capsys.readouterr().out)[1]["error"]["status"] == 400
