"""The client for node: its own tests, and its calls against the API."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests
from django.core.handlers.wsgi import WSGIHandler

from booper import __version__
from booper.content import signatures
from tests.conftest import Announced, StoppedClock
from tests.fake_api import API_KEY, JOB, Answer, serve
from tests.node import answers_of
from tests.processes.harness import ports
from tests.processes.harness.waiting import eventually

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "node"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node on this machine")


def test_its_own_tests_pass() -> None:
    done = subprocess.run(["node", "--test", "test/"], cwd=CLIENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_the_version_of_the_server() -> None:
    assert f'"version": "{__version__}"' in (CLIENT / "package.json").read_text()


BLOCKS = re.findall(r"```js\n(.*?)```", (ROOT / "docs" / "node.md").read_text(), re.DOTALL)


def script_of(block: str, folder: Path) -> Path:
    """In a folder that has the client installed."""
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "booper").symlink_to(CLIENT)
    script = folder / "script.mjs"
    script.write_text(block)
    return script


def test_the_first_code_of_its_page_makes_a_job_and_lists(tmp_path: Path) -> None:
    with serve() as api:
        failed = {**JOB, "error": {"code": "timeout", "message": "no answer in 30 s"}}
        api.answer(JOB, status=201)
        api.answers.append(Answer(200, {"data": [failed], "cursor": None}))
        block = BLOCKS[0].replace("http://127.0.0.1:8000", api.url).replace("sk_…", API_KEY)
        done = subprocess.run(["node", script_of(block, tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["73496 scheduled", "73496 no answer in 30 s"]
    assert [(call.method, call.path) for call in api.calls] == [("POST", "/api/jobs"), ("GET", "/api/jobs")]
    assert api.calls[0].body["schedule_in"] == [30, "minutes"]


def test_the_receiver_of_its_page_takes_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    secret, port = signatures.new_secret(), ports.free()
    script = script_of(BLOCKS[1].replace("3000", str(port)), tmp_path)
    body = json.dumps({"type": "job.result", "data": {"job_id": 7}}).encode()
    env = os.environ | {"BOOPER_SIGNING_SECRET": secret}
    with subprocess.Popen(["node", script], env=env, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            url = f"http://127.0.0.1:{port}/"
            eventually(lambda: answered(url, body, {}) == 401, "it refuses what is not signed", within_seconds=20)
            now = int(time.time())
            signed = signatures.signed_headers(body, secret=secret, message_id="msg_1", timestamp=now)
            assert answered(url, body, signed) == 204
            assert answered(url, body + b" ", signed) == 401
        finally:
            receiver.terminate()
        assert receiver.stdout is not None
        assert receiver.stdout.read() == "job.result 7\n"


def answered(url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    try:
        return requests.post(url, data=body, headers=dict(headers), timeout=5).status_code
    except requests.ConnectionError:
        return None


def test_its_page_names_every_call(tmp_path: Path) -> None:
    script = tmp_path / "calls.mjs"
    script.write_text(f"""
        import Scheduler from {json.dumps(str(CLIENT / "index.mjs"))};
        const calls = (noun) => {{
          const names = new Set();
          for (let it = noun; it !== Object.prototype; it = Object.getPrototypeOf(it))
            for (const name of Object.getOwnPropertyNames(it)) if (typeof noun[name] === "function") names.add(name);
          return [...names].filter((name) => name !== "constructor" && !name.startsWith("_")).sort();
        }};
        const nouns = Object.entries(new Scheduler()).map(([name, noun]) => [name, calls(noun)]);
        console.log(JSON.stringify(Object.fromEntries(nouns)));
    """)
    there = json.loads(subprocess.check_output(["node", script]))
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", (ROOT / "docs" / "node.md").read_text(), re.MULTILINE)
    assert {noun: sorted(re.findall(r"`(\w+)`", calls)) for noun, calls in rows if noun in there} == there


def test_what_it_asks_for_is_done(
    wsgi_application: WSGIHandler, token: str, stopped_clock: StoppedClock, announced: Announced
) -> None:
    shown = answers_of(Path(__file__).with_name("first_steps.mjs"), wsgi_application, token=token)

    assert shown["pong"] == {"message": "Pong"}
    assert shown["args"]["body"] == {"content": "Hi", "nested": [1, {"deep": None}]}
    assert (shown["paused"]["disabled_reason"], shown["resumed"]["disabled_at"]) == ("a holiday", None)
    assert (shown["put"]["key"], shown["put"]["frequency"]) == ("reports.daily", {"repeat_every": [1, "days"]})
    assert shown["batch"] == ["available", 400]
    assert shown["later"]["job"]["scheduled_at"].startswith("2026-03-02T12:00:00")
    assert shown["tagged"] == ["https://example.com/2", "https://example.com/1"]
    assert shown["would"] == {"matched": 2}
    assert (shown["cancelled"], shown["gone"], shown["refused"]) == ("cancelled", 404, "/url")
    assert shown["next"]
    assert (shown["calendar"]["name"], shown["queue"]) == ("closed", 2)
