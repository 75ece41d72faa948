"""Lines of many processes come out whole, under their names, and a reader's pace is the reader's business."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import console
from config.console import Console
from config.log_file import LogFile


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def _drain(out: Console, reading: int) -> str:
    """Everything the console has to write, read as it comes."""
    written = b""
    while out.descriptor is not None:
        out.write()
        while select.select([reading], [], [], 0)[0]:
            written += os.read(reading, 65536)
    return written.decode()


def test_lines_cut_anywhere_come_out_whole_under_their_names(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    out = Console(writing, ["web", "worker.1"], is_coloured=False)
    out.take("web", b"GET /api/")
    out.take("worker.1", b"ready\r\nand w")
    out.take("web", b"ping\n")
    out.take("worker.1", b"aiting")
    out.finish("worker.1")
    out.say("over")
    assert _drain(out, reading).splitlines() == [
        "worker.1 | ready",
        "web      | GET /api/ping",
        "worker.1 | and waiting",
        "booper   | over",
    ]


def test_names_have_colours_where_they_are_wanted(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    out = Console(writing, ["web"], is_coloured=True)
    out.take("web", b"hello\n")
    assert _drain(out, reading) == "\x1b[33mweb    |\x1b[0m hello\n"


def test_a_line_without_end_is_cut_instead_of_kept_for_ever(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    out = Console(writing, ["web"], is_coloured=False)
    out.take("web", b"x" * (console.LONGEST_LINE_BYTES + 1))
    assert len(_drain(out, reading)) == console.LONGEST_LINE_BYTES + len("web    | ") + len("x\n")


def test_what_nobody_reads_is_counted_and_left_out(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    out = Console(writing, ["web"], is_coloured=False)
    line = b"x" * 1023 + b"\n"
    for _ in range(2000):
        out.take("web", line)
    lines = _drain(out, reading).splitlines()
    kept = console.ROOM_BYTES // (len("web    | ") + 1024)
    assert len(lines) == kept + 1
    assert lines[-1] == f"booper | {2000 - kept} lines are missing here: nobody read them in time."


def test_a_closed_output_is_given_up_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    out = Console(writing, ["web"], is_coloured=False)
    out.say("hello")
    out.write()
    out.say("anybody?")
    assert out.descriptor is None
    os.close(writing)


def test_a_quiet_console_has_what_goes_wrong_and_the_log_has_all(pipe: tuple[int, int], tmp_path: Path) -> None:
    reading, writing = pipe
    log = LogFile(tmp_path / "booper.log")
    out = Console(writing, ["web"], is_coloured=False, is_quiet=True, log=log)
    lines = [
        "2026-03-01 12:00:00,000 INFO jobs: well",
        "2026-03-01 12:00:01,000 ERROR jobs: broken",
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "2026-03-01 12:00:02,000 INFO jobs: an ERROR is a word too, far behind" + " " * 100 + "WARNING",
        '{"time": "2026-03-01T12:00:03Z", "level": "warning", "message": "careful"}',
        '{"time": "2026-03-01T12:00:04Z", "level": "info", "message": "well again"}',
    ]
    out.say("web ended with 1")
    out.take("web", "\n".join([*lines, ""]).encode())
    shown = [line.partition("| ")[2] for line in _drain(out, reading).splitlines()]
    assert shown == ["web ended with 1", *lines[1:4], lines[5]]
    logged = [line.partition("| ")[2] for line in log.path.read_text().splitlines()]
    assert logged == ["web ended with 1", *lines]
