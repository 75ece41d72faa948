"""What a secret is and where it may go; and the references of jobs to secrets, each of which has to be there."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from booper.content import payloads, secret_references
from booper.targets import urls
from booper.timing.durations import shown
from jobs.guarding import secrets
from jobs.guarding.secrets import NoSuchSecret, Vault
from jobs.intake import request
from jobs.intake.fields import Input
from jobs.intake.refusals import FieldError, InvalidInput, pointer
from jobs.outgoing.secret_filling import host_of
from jobs.specs import JobSpec

FIELDS = ("value", "hosts")
LONGEST_VALUE_BYTES = 16 * 1024
MOST_HOSTS = 100
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_MARK = b"{{secret:"
# What a job says beside its own request, each sent to a host of its own.
_OTHER_URLS = ("callback_url", "webhook_url")
_PARTS = ("url", "query", "headers", "body")
_CHAINED = ("then", "on_failure")


_Reference = tuple[tuple[str | int, ...], str, str]
"""The way to it, the name, and the host that it goes to."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    value: str
    hosts: list[str] | None


def require_name(name: str) -> None:
    """Raises InvalidInput."""
    if not secret_references.is_name(name):
        rule = "a name is 1 to 64 capital letters, digits and _, and begins with a letter: API_TOKEN"
        raise InvalidInput([FieldError("/name", f"{shown(name)} is no name of a secret: {rule}")])


def new(fields: Mapping[str, Any]) -> NewSecret:
    """Reads the body of PUT /api/secrets/{NAME}. Raises InvalidInput; no error shows the value."""
    given = Input(fields, known=FIELDS)
    value = given.value("value")
    if value is None:
        given.refuse("value", detail="it is required: write what the secret stands for")
    elif not isinstance(value, str):
        given.refuse("value", detail="it is not a string: put it in quotes")
    elif not 1 <= len(value.encode()) <= LONGEST_VALUE_BYTES:
        given.refuse("value", detail=f"it has {len(value.encode())} bytes: write 1 to {LONGEST_VALUE_BYTES}")
    elif _CONTROL.search(value):
        given.refuse("value", detail="there is a control character in it, such as the end of a line: leave it out")
    hosts = _hosts(given)
    given.finish()
    return NewSecret(value=str(value), hosts=hosts)


def _hosts(given: Input) -> list[str] | None:
    value = given.value("hosts")
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_HOSTS:
        given.refuse("hosts", detail=f'it is not a list of 1 to {MOST_HOSTS} hosts: write ["api.example.com"]')
        return None
    return [host for place, item in enumerate(value) if (host := _host(given, place, item)) is not None]


def _host(given: Input, place: int, value: Any) -> str | None:
    """Reads a host in the spelling that targets have."""
    try:
        if not isinstance(value, str) or not value or set(value) & set("/?#@:[]"):
            raise urls.InvalidTarget("it is no host alone")
        parsed = urls.parse(f"http://{value}", allow_http=True, allowed_networks=("0.0.0.0/0", "::/0"))
    except urls.InvalidTarget as refusal:
        given.refuse("hosts", place, detail=f"{shown(value)} is no host: {refusal}; write one such as api.example.com")
        return None
    return parsed.host


def refers(args: Mapping[str, Any]) -> bool:
    """Whether a job may refer to secrets: most don't, and are asked no more."""
    return _MARK in payloads.encode(dict(args))


def check(spec: JobSpec, *, user_id: UUID) -> None:
    """Raises InvalidInput if a job refers to a secret that is not there or may not go to its host. One query if any."""
    if refers(spec.args):
        _require(spec, vault=secrets.vaults([user_id])[user_id])


def refusals(specs: Iterable[JobSpec], *, user_id: UUID) -> dict[int, InvalidInput]:
    """Why jobs of a batch are refused, by their places. One query, none where no job refers to a secret."""
    referring = {place: spec for place, spec in enumerate(specs) if refers(spec.args)}
    vault = secrets.vaults([user_id])[user_id] if referring else {}
    found: dict[int, InvalidInput] = {}
    for place, spec in referring.items():
        try:
            _require(spec, vault=vault)
        except InvalidInput as refusal:
            found[place] = refusal
    return found


def check_urls(given: Input, field: str, urls: Sequence[str], *, vault: Callable[[], Vault]) -> None:
    """Refuses those of a list of URLs that refer to what is not there or may not go to them.

    `vault` is asked for the user's secrets if any of the URLs refers to one.
    """
    found = [(path, name, host_of(url)) for place, url in enumerate(urls) for path, name in _in_url(url, place)]
    secrets_there = vault() if found else {}
    for path, name, host in found:
        if problem := _problem(name, secrets_there, host):
            given.refuse(field, *path, detail=problem)


def _in_url(url: str, place: int) -> Iterable[tuple[tuple[str | int, ...], str]]:
    return secret_references.found_in(url, path=(place,))


def _require(spec: JobSpec, *, vault: Vault) -> None:
    canonical = {"url": spec.url, "callback_url": spec.callback_url or "", "webhook_url": spec.webhook_url or ""}
    errors = [
        FieldError(pointer(*path), problem)
        for path, name, host in _references(spec.args, canonical)
        if (problem := _problem(name, vault, host))
    ]
    if errors:
        raise InvalidInput(errors)


def _references(args: Mapping[str, Any], canonical: Mapping[str, str]) -> list[_Reference]:
    """`canonical` has the URLs as they are called."""
    found = []
    for part, url in (*((part, "url") for part in _PARTS), *((part, part) for part in _OTHER_URLS)):
        host = host_of(canonical[url])
        found += [(path, name, host) for path, name in secret_references.found_in(args.get(part), path=(part,))]
    return found + _of_chained(args)


def _of_chained(args: Mapping[str, Any]) -> list[_Reference]:
    """The references of the jobs that come after this one."""
    found: list[_Reference] = []
    for part in _CHAINED:
        given = args.get(part)
        children = given if isinstance(given, list) else [given]
        for place, child in enumerate(children):
            if isinstance(child, dict):
                way: tuple[str | int, ...] = (part, place) if isinstance(given, list) else (part,)
                written = {name: request.canonical(child.get(name)) for name in ("url", *_OTHER_URLS)}
                found += [((*way, *path), name, host) for path, name, host in _references(child, written)]
    return found


def _problem(name: str, vault: Vault, host: str) -> str | None:
    try:
        secrets.resolver(vault, host=host)(name)
    except NoSuchSecret as missing:
        return str(missing)
    return None
