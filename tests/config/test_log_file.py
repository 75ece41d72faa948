"""The log of bin/up as a file."""

from pathlib import Path

from config.log_file import LogFile


def test_it_is_for_its_owner_alone_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "booper.log"
    LogFile(path).write(b"one\n")
    LogFile(path).write(b"two\n")
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_long_one_is_begun_anew_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "booper.log"
    log = LogFile(path, most_bytes=8)
    for line in (b"one\n", b"two\n", b"three\n", b"four\n"):
        log.write(line)
    assert path.read_text() == "four\n"
    assert (tmp_path / "booper.log.1").read_text() == "three\n"
