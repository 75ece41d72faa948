"""What stands beside the form as code does what the form does: each sample is read by what would run it."""

import ast
import json
import shlex
from typing import Any

import pytest
from django.conf import settings

from booper.cli import command
from booper.cli.run import _job
from jobs.pages import code_samples
from tests.fake_api import API_KEY, serve

FIELDS: dict[str, Any] = {
    "method": "post",
    "url": "https://example.com/hook?a=b c&d='e'",
    "headers": {"X-Name": "it's"},
    "query": {"page[]": 1, "a": [True, None]},
    "body": {"content": "Hi 'there' \"$x\" `y` \\", "n": 1.5, "none": None},
    "body_format": "json",
    "success_when": {"status": [200, "3xx"]},
    "cron": ["0 9 * * 1-5", "0 12 1 * *"],
    "timezone": "Europe/Berlin",
    "name": "-odd name",
    "tags": ["a", "b c"],
    "timeout": 7,
    "max_attempts": 2,
    "max_runs": 3,
    "overlap": "queue",
    "on_conflict": "refuse",
    "skip_on": ["off"],
}


def test_the_command_asks_for_the_same() -> None:
    text = code_samples.as_command(FIELDS)
    words = shlex.split(text.replace("\\\n", " "))
    assert _job(command.build_parser().parse_args(words[1:])) == FIELDS


def test_curl_sends_the_same() -> None:
    words = shlex.split(code_samples.as_curl(FIELDS).replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == FIELDS


def test_python_calls_with_the_same() -> None:
    call = ast.parse(code_samples.as_python(FIELDS)).body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[0]) == FIELDS


def test_the_python_runs_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as api:
        monkeypatch.setattr(settings, "BOOPER_PUBLIC_URL", api.url)
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        exec(code_samples.as_python(FIELDS), {})
    assert [(call.method, call.path, call.body) for call in api.calls] == [("POST", "/api/jobs", FIELDS)]


def test_a_request_is_python_too() -> None:
    request = {"method": "post", "url": "https://example.com/", "headers": {"X-A": "'"}, "body": {"a": [1, None]}}
    tree = ast.parse(code_samples.request_as_python(request))
    [call] = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.keywords) > 1]
    assert {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg} == {
        "headers": {"X-A": "'"}, "json": {"a": [1, None]},
    }  # fmt: skip


@pytest.mark.parametrize("write", [code_samples.as_curl, code_samples.as_python, code_samples.as_command])
def test_secrets_stay_hidden(write: Any) -> None:
    fields = {"url": "https://example.com/?token=s3cretvalue", "headers": {"Authorization": "Bearer s3cretvalue"}}
    assert "s3cretvalue" not in write({**fields, "body": {"password": "s3cretvalue"}})
