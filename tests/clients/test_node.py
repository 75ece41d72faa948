"""The client for node: its own tests, and its calls against the API."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.handlers.wsgi import WSGIHandler

from booper import __version__
from tests.conftest import Announced, StoppedClock
from tests.node import answers_of

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "node"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node on this machine")


def test_its_own_tests_pass() -> None:
    done = subprocess.run(["node", "--test", "test/"], cwd=CLIENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_the_version_of_the_server() -> None:
    assert f'"version": "{__version__}"' in (CLIENT / "package.json").read_text()


def test_the_code_of_its_page_is_javascript(tmp_path: Path) -> None:
    blocks = re.findall(r"```js\n(.*?)```", (ROOT / "docs" / "node.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        script = tmp_path / f"{number}.mjs"
        script.write_text(block)
        subprocess.run(["node", "--check", script], check=True)


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
