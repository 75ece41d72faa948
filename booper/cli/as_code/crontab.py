"""Reads a crontab: each of its lines as a schedule, or with the words of why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from booper.cli.as_code import crontab_commands
from booper.cli.as_code.crontab_commands import NotARequest
from booper.client import Json
from booper.timing import cron, zones

_VARIABLE = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*?)\s*""")
_ZONES = ("CRON_TZ", "TZ")
_MOST_LINES = 10_000
_LONGEST_LINE = 10_000
_SLUG = re.compile(r"[^a-z0-9._]+")


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that is a schedule: its fields under a key, and what is not as it was."""

    line: int
    text: str
    key: str
    fields: Json
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that can't be one, and why; the message has the remedy."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A line that is left out without loss, or with what to do about it."""

    line: int
    text: str
    note: str


Outcome = Taken | Refused | Noted


@dataclass(frozen=True, slots=True)
class Options:
    """How to read it: the zone where no line names one, whether lines have a user, and where other commands go."""

    timezone: str | None = None
    has_user: bool = False
    url: str | None = None
    prefix: str = ""


@dataclass(slots=True)
class _State:
    """What the lines so far have set."""

    timezone: str | None
    variables: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


def read(text: str, options: Options) -> Iterator[Outcome]:
    """What becomes of each line that says something, in their order."""
    state = _State(options.timezone)
    for number, raw in enumerate(re.split("\r\n|\n|\r", text)[: _MOST_LINES + 1], start=1):
        line = raw.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if number > _MOST_LINES:
            yield Refused(number, line[:80], f"there are more than {_MOST_LINES:,} lines: split the file")
            return
        if len(line) > _LONGEST_LINE:
            yield Refused(number, line[:80], f"it has {len(line)} characters: {_LONGEST_LINE:,} are read")
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable is not None:
            yield from _set(state, number, line, variable)
        else:
            yield _entry(state, number, line, options)


def _set(state: _State, number: int, line: str, found: re.Match[str]) -> Iterator[Outcome]:
    name = found[1] or found[2] or found[3]
    value = found[4]
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    state.variables[name] = value
    if name in _ZONES:
        try:
            zones.zone_named(value.removeprefix(":"))
        except zones.InvalidZone as error:
            yield Refused(number, line, str(error))
            return
        state.timezone = value.removeprefix(":")
        if name == "TZ":
            yield Noted(number, line, "taken as the zone of the times after it, which some crons leave to CRON_TZ")
    elif name == "MAILTO" and value:
        yield Noted(number, line, "nothing is mailed: make an alert, or give a callback_url")


def _entry(state: _State, number: int, line: str, options: Options) -> Outcome:
    try:
        when, rest = _when(line)
        user = None
        if options.has_user:
            user, _, rest = rest.partition(" ") if " " in rest else (rest, "", "")
            rest = rest.strip(" \t")
        if not rest:
            raise NotARequest("there is no command in it: five fields come first, or @daily and its kin")
        request = crontab_commands.request_of(
            _without_percent(rest), variables=state.variables, url=options.url, user=user, line=number
        )
    except (NotARequest, cron.InvalidCron) as error:
        return Refused(number, line, str(error))
    fields: Json = {**request.fields, "cron": when}
    if state.timezone is not None:
        fields["timezone"] = state.timezone
    key = _key(request.name, options.prefix, state.keys)
    return Taken(number, line, key, fields, request.notes)


def _when(line: str) -> tuple[str, str]:
    """The expression and the rest. Raises InvalidCron, and NotARequest for what cron alone knows."""
    line = line.removeprefix("-")  # SUSE's: not to be logged
    if line.startswith("@"):
        word, _, rest = line.replace("\t", " ").partition(" ")
        if word.lower() == "@reboot":
            raise NotARequest(
                "@reboot: nothing boots here; run it once with booper run, or have the service call it itself"
            )
        if word.lower() == "@every":
            duration, _, rest = rest.strip().partition(" ")
            word = f"{word} {duration}"
        cron.parse(word)
        return word, rest.strip()
    parts = re.split(r"[ \t]+", line, maxsplit=5)
    expression = " ".join(parts[:5])
    if len(parts) < 5:
        raise NotARequest("it is neither NAME=value nor five fields and a command")
    cron.parse(expression)
    return expression, parts[5] if len(parts) > 5 else ""


def _without_percent(command: str) -> str:
    """`\\%` is a percent sign; one by itself ends the command for cron, and what follows is its input."""
    if re.search(r"(?<!\\)%", command):
        raise NotARequest(
            "a % that has no backslash before it ends the command, and what follows is its input: send that as the "
            "body (--data), or write \\% if a percent sign is meant"
        )
    return command.replace("\\%", "%")


def _key(name: str, prefix: str, taken: set[str]) -> str:
    """A key of at most 128 small letters, digits and . _ -, which no other line has."""
    slug = _SLUG.sub("-", f"{prefix}{name}".lower()).strip("-.")[:110] or "job"
    key, count = slug, 1
    while key in taken or key == "new":
        count += 1
        key = f"{slug}-{count}"
    taken.add(key)
    return key
