"""Who the command is: keys and addresses in a file that its owner alone may read, one pair a profile."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from booper.cli.exits import Misuse
from booper.cli.output import emit
from booper.cli.parsers import Group
from booper.client import API_KEY_VARIABLE, API_URL_VARIABLE, DEFAULT_API_URL, Scheduler

PROFILE_VARIABLE = "BOOPER_PROFILE"
_USUAL = "default"


@dataclass(frozen=True, slots=True)
class Profile:
    url: str
    key: str


def path() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "booper" / "profiles.json"


def scheduler_of(args: argparse.Namespace) -> Scheduler:
    """The client of the server and the key that a command is to use. Raises Misuse and InvalidCall.

    What is given by option or environment counts first. A profile's key goes to the profile's server alone.
    """
    key = getattr(args, "api_key", None) or os.environ.get(API_KEY_VARIABLE)
    url = getattr(args, "api_url", None) or os.environ.get(API_URL_VARIABLE)
    named = getattr(args, "profile", None) or os.environ.get(PROFILE_VARIABLE)
    profile = None if (key and not named) or args.needs_no_profile else _stored(named)
    if profile is None:
        return Scheduler(key, base_url=url)
    is_its_server = url is None or url.rstrip("/") == profile.url
    return Scheduler(key or (profile.key if is_its_server else None), base_url=url or profile.url)


def _stored(named: str | None) -> Profile | None:
    """The profile of that name, or the usual one if there is one. Raises Misuse."""
    found = _read().get(named or _USUAL)
    if found is None and named is not None:
        raise Misuse(f"profile: there is none named {named!r}; `booper login --profile {named}` makes it")
    return found


def _read() -> dict[str, Profile]:
    try:
        stored = json.loads(path().read_text(encoding="utf-8"))
        return {name: Profile(url=str(each["url"]), key=str(each["key"])) for name, each in stored.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Misuse(f"{path()} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Misuse(f"{path()} is not as `booper login` writes it: mend it or delete it") from error


def _write(profiles: dict[str, Profile]) -> None:
    """Writes the file anew, for its owner alone from its first byte on."""
    target = path()
    beside = target.with_suffix(f".{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({name: asdict(each) for name, each in profiles.items()}, file, indent=2)
        beside.replace(target)
    except OSError as error:
        raise Misuse(f"{target} can't be written: {error.strerror}") from error


def add_login(commands: Group) -> None:
    login = commands.verb(
        "login",
        _login,
        about="Keep an API key and its server for the commands to come; the key is read from stdin or a prompt.",
        shows_itself=True,
    )
    login.set_defaults(needs_no_profile=True)
    logout = commands.verb("logout", _logout, about="Forget the key of a profile.", shows_itself=True)
    logout.set_defaults(needs_no_profile=True)


def _login(_: Scheduler, args: argparse.Namespace) -> None:
    url = getattr(args, "api_url", None) or os.environ.get(API_URL_VARIABLE) or DEFAULT_API_URL
    key = (getattr(args, "api_key", None) or _asked_for(f"API key for {url}: ")).strip()
    if not key:
        raise Misuse("api_key: there is none; write it on stdin, or type it at the prompt")
    with Scheduler(key, base_url=url) as scheduler:
        scheduler.limits.list()
        url = scheduler.base_url
    name = _named(args)
    _write(_read() | {name: Profile(url=url, key=key)})
    emit(f"The key for {url} is kept in {path()} as profile {name}.")


def _asked_for(prompt: str) -> str:
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()


def _logout(_: Scheduler, args: argparse.Namespace) -> Any:
    name, profiles = _named(args), _read()
    if name not in profiles:
        raise Misuse(f"profile: there is none named {name!r}")
    _write({each: profile for each, profile in profiles.items() if each != name})
    emit(f"The key of profile {name} is forgotten here; `booper keys delete` revokes it.")


def _named(args: argparse.Namespace) -> str:
    return str(getattr(args, "profile", None) or os.environ.get(PROFILE_VARIABLE) or _USUAL)
