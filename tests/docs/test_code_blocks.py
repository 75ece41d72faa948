"""Each block of code in the README and in docs: calls are answered, commands exist, and the rest is what it says it is.

What would need a cloud, a container engine or root is read by its shell alone.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from tests.api import Api

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The rows that the docs name in calls, which an empty instance does not have.
_EXAMPLE = re.compile(r"0193f2c4-|/73496\b|\$SCHEDULE")
_NOWHERE = "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"
_NOT_RUN = ("nginx", "text", "")


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    number: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    body: str | None


def blocks() -> Iterator[Block]:
    for page in PAGES:
        found = re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for number, match in enumerate(found, start=1):
            yield Block(str(page.relative_to(ROOT)), number, match[1], match[2])


BLOCKS = list(blocks())


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def commands(code: str) -> Iterator[list[str]]:
    """The command lines of what is for a shell, in words, each on its own."""
    lexer = shlex.shlex(code.replace("\\\n", " "), posix=True, punctuation_chars="|&;<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>\n"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def calls(block: Block) -> list[Call]:
    found = []
    for words in commands(block.code):
        if words[:1] != ["curl"]:
            continue
        body = words[words.index("-d") + 1] if "-d" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
        [url] = [word for word in words if "/api/" in word]
        parts = urlsplit(url.replace("$BOOPER_API_URL", "http://localhost"))
        found.append(Call(method, parts.path + (f"?{parts.query}" if parts.query else ""), body))
    return found


MANAGING = [block for block in of("sh", "console") if "manage.py " in block.code]
CALLING = [block for block in of("sh") if "curl " in block.code and "/api/" in block.code]


def test_there_are_blocks_of_each_kind_and_none_of_a_kind_that_nothing_here_reads() -> None:
    known = {"sh", "console", "python", "json", "yaml", "js", *_NOT_RUN}
    assert {block.language for block in BLOCKS} <= known
    assert len(BLOCKS) > 80
    assert len(CALLING) > 15
    assert len(MANAGING) > 5


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_can_be_read(block: Block) -> None:
    ast.parse(block.code)


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


@pytest.mark.parametrize("block", CALLING, ids=str)
def test_calls_are_answered(block: Block, api: Api) -> None:
    found = calls(block)
    assert found
    for call in found:
        answer = api.call(call.method, call.path.replace("$SCHEDULE", _NOWHERE), call.body)
        if _EXAMPLE.search(call.path):
            assert answer.json()["type"] == "urn:booper:problem:not-found"
        else:
            assert answer.status_code in (200, 201), answer.content


@pytest.mark.parametrize("block", MANAGING, ids=str)
def test_commands_of_the_server_exist_with_their_options(block: Block) -> None:
    for line in re.findall(r"manage\.py ([^\n|;]+)", block.code):
        name, *arguments = shlex.split(line, comments=True)
        command = load_command_class(get_commands()[name], name)
        command.create_parser("manage.py", name).parse_args(arguments)
