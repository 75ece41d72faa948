"""A Procfile, read: which commands an instance consists of, with their variables filled in and no shell involved."""

import re
import shlex
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LINE = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9_-]*):\s*(?P<command>\S.*)")


class ProcfileError(Exception):
    """A Procfile that cannot be followed; the message names the line and the remedy."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to run: its name in the log, its command, and what its environment has beyond everybody's."""

    name: str
    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


def programs(text: str, *, variables: Mapping[str, str], counts: Mapping[str, int]) -> list[Program]:
    """The programs of a Procfile's `text`, in its order: `worker` as `worker.1`, `worker.2` where `counts` has it.

    `$NAME` and `${NAME}` stand for `variables`, and for `PROCESS_INDEX`, which numbers the processes of a kind from 1.
    """
    found = []
    for kind, command in _lines(text):
        for index in range(1, counts.get(kind, 1) + 1):
            own = (("PROCESS_INDEX", str(index)),)
            words = tuple(_filled(kind, word, {**variables, **dict(own)}) for word in _words(kind, command))
            found.append(Program(f"{kind}.{index}" if kind in counts else kind, words, own))
    return found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ProcfileError(f"Procfile, line {number} is {line!r}: write `name: command`.")
        if match["kind"] in seen:
            raise ProcfileError(f"Procfile, line {number} has a second {match['kind']!r}: give it another name.")
        seen.add(match["kind"])
        yield match["kind"], match["command"]


def _words(kind: str, command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ProcfileError(f"Procfile, {kind}: {error} in {command!r}: close every quote.") from None


def _filled(kind: str, word: str, variables: Mapping[str, str]) -> str:
    # After the split into words: a value with spaces or quotes stays one word.
    try:
        return string.Template(word).substitute(variables)
    except KeyError as error:
        raise ProcfileError(f"Procfile, {kind}: ${error.args[0]} is not set: set it, or take it out.") from None
    except ValueError:
        raise ProcfileError(f"Procfile, {kind}: {word!r} has a lone $: write $$ for a dollar sign.") from None
