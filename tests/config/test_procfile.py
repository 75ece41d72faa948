"""A Procfile becomes programs, and what cannot be followed is refused with the line and the remedy."""

import pytest

from config import procfile


def test_a_kind_that_is_counted_becomes_numbered_processes() -> None:
    found = procfile.programs("web: serve\nworker: work $PROCESS_INDEX\n", variables={}, counts={"worker": 2})
    assert [(program.name, program.command) for program in found] == [
        ("web", ("serve",)),
        ("worker.1", ("work", "1")),
        ("worker.2", ("work", "2")),
    ]
    assert found[2].variables == (("PROCESS_INDEX", "2"),)


def test_comments_and_empty_lines_say_nothing() -> None:
    assert procfile.programs("# web: no\n\n  # nor this\n", variables={}, counts={}) == []


def test_a_value_with_spaces_and_quotes_stays_one_word() -> None:
    hostile = "a b; rm -rf / 'x' $(y)"
    [program] = procfile.programs("web: serve --dir=${DIR} $DIR", variables={"DIR": hostile}, counts={})
    assert program.command == ("serve", f"--dir={hostile}", hostile)


def test_quotes_and_doubled_dollars_are_read_as_in_a_shell() -> None:
    [program] = procfile.programs("web: sh -c 'echo $$HOME'", variables={}, counts={})
    assert program.command == ("sh", "-c", "echo $HOME")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web: serve $PORT", r"web: \$PORT is not set"),
        ("web: serve 5$", "lone \\$: write \\$\\$"),
        ("# one\nserve it", "line 2 is 'serve it': write `name: command`"),
        ("web:", "line 1 is 'web:'"),
        ("web: a\nweb: b", "line 2 has a second 'web'"),
        ("web: echo 'open", "web: No closing quotation"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(procfile.ProcfileError, match=message):
        procfile.programs(text, variables={}, counts={})
