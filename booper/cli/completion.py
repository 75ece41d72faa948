"""The command `completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from booper.cli.exits import Misuse
from booper.cli.output import emit
from booper.cli.parsers import Group, Parser
from booper.client import Scheduler

_SHELLS = ("bash", "zsh", "tcsh")


def add_completion(commands: Group, parser: Parser) -> None:
    def complete(_: Scheduler, args: argparse.Namespace) -> None:
        emit(_shtab().complete(parser, shell=args.shell))

    completion = commands.verb(
        "completion",
        complete,
        about='Print a script that completes commands and options: eval "$(booper completion bash)".',
        shows_itself=True,
    )
    completion.add_argument("shell", choices=_SHELLS)


def _shtab() -> Any:
    try:
        return import_module("shtab")
    except ImportError:
        raise Misuse("completion needs the package shtab: pip install '.[cli]' in a clone of Booper") from None
