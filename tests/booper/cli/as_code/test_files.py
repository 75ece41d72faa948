"""What `booper apply` is given: files, folders and stdin, each read once and whole."""

import io
from pathlib import Path

import pytest

from booper.cli.as_code import files
from booper.cli.as_code.files import BadFiles
from booper.cli.exits import Misuse


def lines_of(path: Path) -> list[str]:
    with pytest.raises(BadFiles) as bad:
        files.read([str(path)])
    return [line.replace(f"{path}:", "") for line in bad.value.lines]


def written(folder: Path, text: str | bytes, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: there is nothing in it: give it schedules, queues, calendars or alerts"),
        ("- a", "1:1: it is a list and not a mapping: begin with managed_by and schedules"),
        ("schedules: []", "1:1: schedules: it is a list and not a mapping: write each by its name"),
        ("schedules:\n  a: https://x", "2:3: schedules.a: it is a text and not a mapping: give it fields"),
        ("schedules:\n  a:", "2:3: schedules.a: it is empty and not a mapping: give it fields"),
        ("queue: {}", "1:1: queue: there is no such field: did you mean queues?"),
        ("nonsense: 1", "1:1: nonsense: there is no such field: those there are managed_by, queues, calendars, "),
        ("managed_by: ''", "1:1: managed_by: it is not a text of 1 to 255 characters"),
        (b"a: \xff", "1:4: it is not in UTF-8"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_place(tmp_path: Path, text: str | bytes, line: str) -> None:
    [found] = lines_of(written(tmp_path, text))
    assert found.startswith(line)


def test_what_is_yours_and_the_schema_may_stand_beside_it_and_a_byte_order_mark_before(tmp_path: Path) -> None:
    text = '\ufeff{"$schema": "https://x", "x-mine": 1, "managed_by": null, "queues": null}'
    [file] = files.read([str(written(tmp_path, text, "a.json"))])
    assert (file.managed_by, dict(file.section("queues"))) == (None, {})


def test_stdin_is_a_file_too_json_if_it_begins_as_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (b'{"queues":\t{"a": {}}}', b"queues: {a: {}}"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        [file] = files.read(["-"])
        assert dict(file.section("queues")) == {"a": {}}


@pytest.mark.parametrize("names", [["nowhere.yaml"], ["a.yaml", "a.yaml"], ["."]])
def test_what_is_not_there_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Misuse):
        files.read(names)


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LARGEST_BYTES", 10)
    with pytest.raises(Misuse, match="more than 10 bytes"):
        files.read([str(written(tmp_path, "queues: {a: {}}"))])
