"""What is written reads back as the same, here and by a reader of YAML 1.1."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.cli.as_code import yaml_text, yaml_writer
from booper.cli.as_code.comparison import plain

# What the API lets a body have: no NUL and no half of a surrogate pair.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
_AS_ANOTHER_KIND = [
    "no",
    "on",
    "~",
    "null",
    "010",
    "0x1F",
    "0o7",
    "1e5",
    "1_000",
    ".5",
    "+5",
    "12:30",
    "2026-12-25",
    "=",
    "<<",
    "@daily",
]
_WITH_SIGNS = [
    "2026-12-25",
    "<<",
    "@daily",
    "",
    "* * *",
    "a: b",
    "a #b",
    "- a",
    "\ttab",
    "two\nlines\n",
    "two\n  lines",
    " blank ",
    "\u2028",
    "\x85",
]
tricky = st.sampled_from([*_AS_ANOTHER_KIND, *_WITH_SIGNS, "\ufeff", "\r\n", "\x7f", "\n", " \n", "a \nb"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | tricky,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | tricky, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(body=values)
def test_a_file_reads_back_as_what_it_was_written_from(body: Any) -> None:
    content = {"managed_by": "no", "schedules": {"a": {"url": "https://example.com", "body": body}}}
    text = yaml_writer.file(content, heading=["one\nline"], notes={"a": "another\nline"})
    assert json.dumps(plain(yaml_text.read(text).value)) == json.dumps(content)


@pytest.mark.parametrize("text", ["no", "010", "1e5", "2026-12-25", "0 9 * * *", "* * * * *", "12:30", "=", "on"])
def test_a_text_is_one_to_readers_of_yaml_1_1_too(text: str) -> None:
    written = yaml_writer.file({"schedules": {"a": {"body": text}}})
    assert yaml.safe_load(written) == {"schedules": {"a": {"body": text}}}


def test_nothing_is_a_file_too() -> None:
    assert yaml_writer.file({"managed_by": None, "queues": {}}) == "schedules: {}\n"


def test_it_is_written_as_people_write_it() -> None:
    fields = {"url": "https://example.com", "cron": "* * * * *", "tags": ["a", "no"], "body": {"text": "two\nlines\n"}}
    assert yaml_writer.file({"managed_by": "ops", "schedules": {"a": fields}}, heading=["hi"]) == (
        "# hi\n"
        "managed_by: ops\n"
        "schedules:\n"
        "  a:\n"
        "    url: https://example.com\n"
        "    cron: '* * * * *'\n"
        "    tags:\n"
        "      - a\n"
        "      - 'no'\n"
        "    body:\n"
        "      text: |\n"
        "        two\n"
        "        lines\n"
    )
