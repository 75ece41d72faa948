"""YAML as a file for `booper apply` has it: the JSON that it stands for, with its places, and nothing dangerous."""

from typing import Any

import pytest

from booper.cli.as_code import yaml_text
from booper.cli.as_code.comparison import plain
from booper.cli.as_code.places import Mistake, Place


def value_of(text: str) -> Any:
    return plain(yaml_text.read(text).value)


def mistake_in(text: str) -> Mistake:
    with pytest.raises(Mistake) as mistake:
        yaml_text.read(text)
    return mistake.value


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("36", 36),
        ("-1.50", -1.5),
        ("1e3", 1000.0),
        ("2026-12-25", "2026-12-25"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("12:30", "12:30"),
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("'010'", "010"),
        ("!!str 36", "36"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ('"\\U0001F600"', "\U0001f600"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(scalar: str, value: Any) -> None:
    found = value_of(f"a: {scalar}")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("scalar", ["010", "0x1F", "0o17", "0b11", "1_000", ".inf", "-.INF", ".nan", "+5", ".5", "5."])
def test_what_readers_of_yaml_read_differently_is_refused(scalar: str) -> None:
    mistake = mistake_in(f"a:\n  b: {scalar}")
    assert mistake.place == Place(2, 6)
    assert "put it in quotes" in mistake.detail


def test_everything_has_its_place() -> None:
    content = yaml_text.read("a: 1\nb:\n  - x\n  - {c: [1, 2]}\n")
    places = {path: (place.line, place.column) for path, place in content.places.items()}
    assert places == {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 1): (4, 5),
        ("b", 1, "c"): (4, 6),
        ("b", 1, "c", 0): (4, 10),
        ("b", 1, "c", 1): (4, 13),
    }
    assert content.place_of(("b", 1, "nothing", 7)) == Place(4, 5)


def test_aliases_and_merges_are_followed_and_keep_the_places_of_what_they_mean() -> None:
    content = yaml_text.read("x-d: &d\n  k: 1\n  m: {z: 1}\nb:\n  <<: *d\n  k: 2\nc: *d\n")
    assert content.value == {"x-d": {"k": 1, "m": {"z": 1}}, "b": {"k": 2, "m": {"z": 1}}, "c": {"k": 1, "m": {"z": 1}}}
    assert content.place_of(("b", "m", "z")) == content.place_of(("c", "m", "z")) == Place(3, 7)
    assert content.place_of(("b", "k")) == Place(6, 3)


def test_of_several_mappings_that_are_merged_the_first_counts() -> None:
    assert value_of("x: [&a {b: 1}, &c {b: 2, d: 3}]\ns: {<<: [*a, *c], e: 4}")["s"] == {"e": 4, "b": 1, "d": 3}


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' comes twice: keep one"),
        ("a: {b: 1, b: 2}", 1, 11, "the key 'b' comes twice"),
        ("cron: */5 * * * *", 1, 8, "put it in quotes"),
        ("cron: * * * * *", 1, 8, "put it in quotes"),
        ("cron: @daily", 1, 7, "put it in quotes"),
        ("a: *b", 1, 4, "there is no &b before it"),
        ("a: &a [*a]", 1, 8, "there is no &a before it"),
        ("a:\n\tb: 1", 2, 1, "'\\t'"),
        ("a: 'x", 1, 6, "quoted scalar"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document"),
        ("? [a]\n: 1", 1, 3, "a key is a text"),
        ("a: {{secret:X}}", 1, 5, "in quotes"),
        ("<<: 1", 1, 1, "<< takes a mapping"),
        ("a: \x07", 1, 4, "U+0007"),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "!!python/object/apply:os.system is not read here"),
        ("a: !!binary aGk=", 1, 4, "!!binary is not read here"),
        ("a: !mine 1", 1, 4, "!mine is not read here"),
        ("[" * 5000, 1, 102, "deeper than 100"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, column: int, words: str) -> None:
    mistake = mistake_in(text)
    assert words in mistake.detail
    assert (mistake.place.line, mistake.place.column) == (line, column)


def test_a_bomb_of_aliases_is_put_out_early() -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "more than 500,000 values" in mistake_in("\n".join(rows)).detail


def test_depth_counts_through_aliases() -> None:
    rows = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]
    assert "deeper than 100" in mistake_in("\n".join(rows)).detail


def test_a_bomb_of_merges_is_put_out_early() -> None:
    keys = ", ".join(f"k{n}: [1, 2, 3]" for n in range(1000))
    rows = [f"x-a: &a {{{keys}}}", *(f"b{n}: {{<<: *a}}" for n in range(1000))]
    assert "more than 500,000 values" in mistake_in("\n".join(rows)).detail
