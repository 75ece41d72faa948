"""Each block of code in the README and in docs is run here, or says beside itself what runs it, or why nothing does."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from pytest_django import Settings

from booper import cli
from tests.api import Api
from tests.docs import pages
from tests.docs.pages import ROOT, Block, commands
from tests.fake_api import API_KEY, serve

# The rows that the docs name in calls, which an empty instance does not have.
_EXAMPLE = re.compile(r"0193f2c4-|/73496\b|\$SCHEDULE")
_NOWHERE = "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"
_ASSIGNMENT = re.compile(r"(?:export )?([A-Z][A-Z0-9_]*)=(\S*)")
BLOCKS = list(pages.blocks())


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def kind_of(words: list[str]) -> str:
    """What a command line is, by who checks it; "" for what nobody does."""
    if all(_ASSIGNMENT.fullmatch(word) or word == "export" for word in words):
        return "settings"
    program, text = words[0], " ".join(words)
    if program == "curl" and any("/api/" in word for word in words):
        return "call"
    if program in ("booper", "bin/booper"):
        return "command"
    if text.startswith("python manage.py") or text == ". .venv/bin/activate":
        return "managing"
    if text.startswith(("pip install", "npm install", "mkdocs serve")):
        return "installing"
    return "input" if text == "crontab -l" or program.endswith((".yaml", ".json", ".txt")) else ""


def lines(kind: str) -> list[tuple[Block, list[str]]]:
    shells = [block for block in of("sh", "console") if not block.is_marked]
    return [(block, words) for block in shells for words in commands(block) if kind_of(words) == kind]


def named(found: list[tuple[Block, list[str]]]) -> list[object]:
    return [pytest.param(block, words, id=f"{block}: {' '.join(words)[:40]}") for block, words in found]


def test_there_are_blocks_of_each_kind_and_none_of_a_kind_that_nothing_reads() -> None:
    known = {"sh", "console", "python", "json", "yaml", "js", "nginx", "text"}
    assert {block.language for block in BLOCKS} <= known
    assert len(BLOCKS) > 90
    counts = {kind: len(lines(kind)) for kind in ("call", "command", "managing", "settings", "installing")}
    assert all(count > 3 for count in counts.values()), counts


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_all_code_of_a_page_stands_in_fences(page: Path) -> None:
    besides = pages.besides_blocks(page)
    assert "```" not in besides
    assert not re.search(r"\n\n    \S", besides), "an indented block, which nothing here finds"


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.is_marked], ids=str)
def test_a_block_is_run_or_marked(block: Block) -> None:
    if block.language in ("sh", "console"):
        unknown = [words for words in commands(block) if not kind_of(words)]
        assert not unknown, "not run here: say `<!-- not run: why -->` or `<!-- run by tests/… -->` in the line before"
    else:
        assert block.language in ("python", "json", "yaml", "text")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.run_by], ids=str)
def test_what_a_mark_names_reads_the_page(block: Block) -> None:
    test = (ROOT / str(block.run_by)).read_text()
    assert Path(block.page).name in test or Path(block.page).parent.name in test


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.not_run], ids=str)
def test_a_mark_says_why(block: Block) -> None:
    assert len(str(block.not_run).split()) > 3
    for path in re.findall(r"tests/\S+\.py", str(block.not_run)):
        assert (ROOT / path).exists()


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_can_be_read(block: Block) -> None:
    ast.parse(block.code)


@pytest.mark.parametrize("block", [block for block in of("python") if not block.is_marked], ids=str)
def test_python_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as api:
        monkeypatch.setenv("BOOPER_API_URL", api.url)
        exec(compile(block.code.replace("sk_...", API_KEY), str(block), "exec"), {})
    assert api.calls


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.code)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.code), dict)


@pytest.mark.parametrize("block", of("js"), ids=str)
def test_javascript_can_be_read(block: Block, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail("needs node on this machine")
        pytest.skip("needs node on this machine")
    file = tmp_path / "block.mjs"
    file.write_text(block.code)
    subprocess.run([node, "--check", file], check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_a_shell_can_read_what_is_for_one(block: Block) -> None:
    code = re.sub(r"<[a-z ]+>", "place", block.code)
    done = subprocess.run(["bash", "-n"], input=code, text=True, capture_output=True, timeout=30, check=False)
    assert not done.stderr


@pytest.mark.parametrize("block", dict.fromkeys(block for block, _ in lines("call")), ids=str)
def test_calls_are_answered(block: Block, api: Api, settings: Settings) -> None:
    # The README's own target is the instance itself.
    settings.BOOPER_ALLOW_HTTP_TARGETS = True
    settings.BOOPER_ALLOWED_TARGET_NETWORKS = ["127.0.0.0/8"]
    for words in (words for words in commands(block) if kind_of(words) == "call"):
        body = next((words[words.index(option) + 1] for option in ("-d", "--json") if option in words), None)
        method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
        [url] = [word for word in words if re.match(r"(https?://|\$BOOPER_API_URL)[^\s\"]*/api/", word)]
        parts = urlsplit(url.replace("$BOOPER_API_URL", "http://localhost").replace("$SCHEDULE", _NOWHERE))
        answer = api.call(method, parts.path + (f"?{parts.query}" if parts.query else ""), body)
        if _EXAMPLE.search(url):
            assert answer.json()["type"] == "urn:booper:problem:not-found"
        else:
            assert answer.status_code in (200, 201), answer.content


@pytest.mark.parametrize(("block", "words"), named(lines("command")))
def test_commands_do_what_they_are_asked(
    block: Block, words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", interrupt)
    typed = io.BytesIO(b"0 9 * * * curl https://example.com/\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(typed))
    (tmp_path / "schedules.yaml").write_text("queues: {mail: {concurrency: 5, rate: {limit: 100, period: 1 minute}}}")
    (tmp_path / "jobs.jsonl").write_text('{"url": "https://example.com"}\n')
    with serve() as api:
        monkeypatch.setenv("BOOPER_API_URL", api.url)
        monkeypatch.setenv("BOOPER_API_KEY", API_KEY)
        code = cli.main(words[1:])
    waits = {"tail", "watch", "listen"} & set(words)
    assert code == (130 if waits else 0)


@pytest.mark.parametrize(("block", "words"), named(lines("managing")))
def test_commands_of_the_server_exist_with_their_options(block: Block, words: list[str]) -> None:
    if words[0] == "python":
        name, *arguments = words[2:]
        command = load_command_class(get_commands()[name], name)
        command.create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.parametrize("block", dict.fromkeys(block for block, _ in lines("settings")), ids=str)
def test_settings_are_taken(block: Block, tmp_path: Path) -> None:
    given = dict(_ASSIGNMENT.findall(" \n".join(" ".join(words) for words in commands(block))))
    page = (ROOT / "docs" / "settings.md").read_text() + (ROOT / "docs" / "sdk-and-cli.md").read_text()
    assert not [name for name in given if f"`{name}`" not in page and not name.startswith("OTEL_")]
    command = [sys.executable, "-c", "import django; django.setup(); import config.celery"]
    env = {**os.environ, **given, "BOOPER_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("block", "words"), named(lines("installing")))
def test_what_is_installed_is_there(block: Block, words: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words[2:]:
        path, _, extra = word.partition("[")
        assert word == "-r" or (ROOT / path).exists()
        assert not extra or extra.removesuffix("]") in extras


def test_the_shell_words_of_a_block_are_what_a_shell_makes_of_them() -> None:
    block = Block("x", 1, "console", "$ booper a \\\n    'b # c' # d's\nout\n$ x=1 && y < z\n", None, None)
    assert commands(block) == [["booper", "a", "b # c"], ["x=1"], ["y"], ["z"]]
