"""The command `booper mcp`: a server of the Model Context Protocol for assistants."""

from __future__ import annotations

import argparse
import importlib
from typing import NoReturn

from booper.cli.exits import OK, Misuse
from booper.cli.parsers import Group
from booper.client import Scheduler


def add_mcp(commands: Group) -> None:
    mcp = commands.verb(
        "mcp",
        _serve,
        about="Serve tools for an assistant (Model Context Protocol) on stdin and stdout.",
        shows_itself=True,
    )
    mcp.add_argument("--write", action="store_true", help="let it create, retry and cancel too; else it only reads")


def _serve(scheduler: Scheduler, args: argparse.Namespace) -> NoReturn:
    try:
        # Only who asks for it has the package, which loads half a web framework.
        server = importlib.import_module("booper.mcp.server")
    except ImportError as error:
        raise Misuse(f"mcp needs the package mcp ({error}): pip install '.[mcp]' in a clone of Booper") from error
    # A wrong key or address is told here, in words: an assistant would show its user none.
    scheduler.jobs.list(limit=1)
    server.serve(scheduler, may_write=args.write)
    # The other side reads stdout as messages: no answer of a command may follow.
    raise SystemExit(OK)
