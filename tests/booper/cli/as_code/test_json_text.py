"""JSON with the place of everything in it: it takes what JSON is, and says where it is not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.cli.as_code import json_text
from booper.cli.as_code.comparison import plain
from booper.cli.as_code.places import Mistake, Place, path_within

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(value=values, indent=st.sampled_from([None, 2]), is_ascii=st.booleans())
def test_it_reads_what_json_writes(value: Any, indent: int | None, is_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert json.dumps(plain(json_text.read(text).value)) == json.dumps(value)


def test_everything_has_its_place() -> None:
    content = json_text.read('{"a": [1,\n  {"b/c": 1.50}],\n "d": "\\ud83d\\ude00"}')
    places = {path: (place.line, place.column) for path, place in content.places.items()}
    assert places == {
        (): (1, 1),
        ("a",): (1, 2),
        ("a", 0): (1, 8),
        ("a", 1): (2, 3),
        ("a", 1, "b/c"): (2, 4),
        ("d",): (3, 2),
    }
    assert path_within(content.value, "/a/1/b~1c/more") == ("a", 1, "b/c")
    assert content.place_of(path_within(content.value, "/a/7")) == Place(1, 2)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('{"a": 1,\n "a": 2}', 2, 2, "the key 'a' comes twice: keep one"),
        ('{"a": 1,\n}', 1, 8, "a comma before }"),
        ("[1,]", 1, 3, "a comma before ]"),
        ("[1 2]", 1, 4, "a comma or ]"),
        ('{"a" 1}', 1, 6, "a colon"),
        ("{a: 1}", 1, 2, "in double quotes"),
        ('{"a": NaN}', 1, 7, "here a value was to come"),
        ('{"a": 1e999}', 1, 7, "beyond 1.8e308"),
        ("{} {}", 1, 4, "more after the end"),
        ("", 1, 1, "here a value was to come"),
        ('{"a\n', 1, 4, "double quotes"),
        ("[" * 5000, 1, 102, "deeper than 100"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(Mistake) as mistake:
        json_text.read(text)
    assert words in mistake.value.detail
    assert (mistake.value.place.line, mistake.value.place.column) == (line, column)
