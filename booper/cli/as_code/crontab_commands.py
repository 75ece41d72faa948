"""The command of a crontab's line as a request: what curl or wget would send, or what a shell alone could do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from booper.cli.as_code import curl, wget
from booper.cli.as_code.curl import NotARequest, Request
from booper.client import Json

__all__ = ["Named", "NotARequest", "request_of"]

_PUNCTUATION = "();<>|&"
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
# Where what a command prints goes; a request's answer is kept by itself.
_REDIRECTIONS = (
    re.compile(r"\s*(?:[12]?>>?|&>>?|>&)\s*(?:&[12]|[^\s;|&<>()'\"]+)\s*$"),
    re.compile(r"(?<=[^&])\s*&\s*$"),  # in the background
    re.compile(r"\s#[^'\"]*$"),
)
_OF_A_SHELL = ("`", "$(", "<(", "\n")
_READERS: Mapping[str, Callable[[list[str]], Request]] = {"curl": curl.request_of, "wget": wget.request_of}
_REMEDY = "see --url"


@dataclass(frozen=True, slots=True)
class Named:
    """The fields of a request, a name for it, and what is not as it was."""

    name: str
    fields: Json
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Wrapped:
    """What commands around the command say of it."""

    words: list[str]
    fields: Json
    notes: list[str]


def request_of(command: str, *, variables: Mapping[str, str], url: str | None, user: str | None, line: int) -> Named:
    """Raises NotARequest, with what to do, for what only a shell could do; unless `url` says who runs that."""
    try:
        wrapped = _unwrapped(_words(command, variables))
        reader = _READERS.get(PurePosixPath(wrapped.words[0]).name)
        if reader is None:
            raise NotARequest(f"it runs {wrapped.words[0][:60]!r}, and Booper makes requests; {_REMEDY}")
        request = reader(wrapped.words[1:])
    except NotARequest as refusal:
        if url is None or refusal.is_mistake:
            raise
        return _run_elsewhere(command, url=url, user=user, line=line)
    fields = {**request.fields, **{name: value for name, value in wrapped.fields.items() if name not in request.fields}}
    return Named(_name_of(str(fields["url"])), fields, (*wrapped.notes, *request.notes))


def _words(command: str, variables: Mapping[str, str]) -> list[str]:
    """The words of one command without a shell's work in it."""
    shorter = None
    while shorter != command:
        shorter = command
        for redirection in _REDIRECTIONS:
            command = redirection.sub("", command)
    found = next((sign for sign in _OF_A_SHELL if sign in command), None)
    if found is not None:
        raise NotARequest(f"{found!r} is for a shell, and there is none here; {_REMEDY}")
    lexer = shlex.shlex(_with_variables(command, variables), posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise NotARequest(f"its quotes don't match: {str(error).lower()}", is_mistake=True) from None
    for word in words:
        if word and not word.strip(_PUNCTUATION):
            if word == "&":
                raise NotARequest("& ends a command for a shell: put a URL that has one in quotes")
            raise NotARequest(f"{word!r} is for a shell, and there is none here; {_REMEDY}")
    if not words:
        raise NotARequest("there is no command in it")
    return words


def _with_variables(command: str, variables: Mapping[str, str]) -> str:
    """Puts in what the crontab has set, as a shell would, but in single quotes."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in variables:
            raise NotARequest(f"${name} is not set in the crontab: set it there, or write what it stands for")
        return variables[name].replace('"', '\\"') if "'" not in variables[name] else variables[name]

    parts = re.split(r"('[^']*')", command)
    return "".join(part if part.startswith("'") else _VARIABLE.sub(value, part) for part in parts)


def _unwrapped(words: list[str]) -> _Wrapped:
    """Without the commands that only run another one."""
    wrapped = _Wrapped(words, {}, [])
    for _ in range(5):
        name = PurePosixPath(wrapped.words[0]).name
        rest = wrapped.words[1:]
        if name == "timeout":
            rest = _without_options(rest, taking=("-s", "-k", "--signal", "--kill-after"))
            wrapped.fields["timeout"] = curl.seconds_of(rest[0] if rest else "", option="timeout")
            rest = rest[1:]
        elif name == "nice":
            rest = _without_options(rest, taking=("-n",))
        elif name in ("chronic", "cronic", "time"):
            pass
        elif name == "flock":
            rest = _without_options(rest, taking=("-w", "--timeout", "-E"))[1:]
            wrapped.fields["overlap"] = "skip"
            wrapped.notes.append("flock became overlap: skip, which is about this schedule alone")
        else:
            return wrapped
        if not rest:
            raise NotARequest(f"{name} runs nothing in it", is_mistake=True)
        wrapped.words = rest
    return wrapped


def _without_options(words: list[str], *, taking: tuple[str, ...]) -> list[str]:
    """Without the options at the front, and the values of those that take one."""
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in taking else words[1:]
    return words


def _run_elsewhere(command: str, *, url: str, user: str | None, line: int) -> Named:
    words = re.findall(r"[A-Za-z0-9._-]+", PurePosixPath(command.split()[0]).name) or ["command"]
    name = words[0]
    filled = url
    for placeholder, value in (("{name}", name), ("{line}", str(line)), ("{user}", user or "")):
        filled = filled.replace(placeholder, quote(value, safe=""))
    body: Json = {"command": command} | ({} if user is None else {"user": user})
    return Named(name, {"method": "post", "url": filled, "body": body})


def _name_of(url: str) -> str:
    """A host and a path, without the scheme and the query."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'job'}{parts.path}".rstrip("/").replace("/", "-")
