"""The commands `listen` and `open`: an inbox in the terminal, a page in the browser."""

from __future__ import annotations

import argparse
import sys
import time
import webbrowser
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from booper.cli import following, words
from booper.cli.columns import text
from booper.cli.output import emit, is_for_people, show_json, width
from booper.cli.parsers import Group
from booper.cli.schedule_names import on_schedule
from booper.cli.tables import cut
from booper.client import NotFound, Scheduler
from booper.client.forwarding import Forwarded, forward
from booper.timing.spans import span

_MOST_AT_ONCE = 200


def add_listen(commands: Group) -> None:
    listen = commands.verb(
        "listen",
        _listen,
        about="Show what arrives in your inbox, and hand it on to an address of this machine.",
        shows_itself=True,
    )
    listen.add_argument("--forward-to", metavar="URL", type=_address, help="as in http://localhost:3000/webhooks")
    following.add_interval(listen)
    page = commands.verb("open", _open, about="Open the page of a job or a schedule in a browser.", shows_itself=True)
    page.add_argument(
        "id", metavar="ID", nargs="?", help="a job, or a schedule by its id, key or name; the first page if left out"
    )


def _address(written: str) -> str:
    if not written.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{written!r} is not an address, use one like http://localhost:3000")
    return written


def _listen(scheduler: Scheduler, args: argparse.Namespace) -> None:
    """Hands on each request that arrives from now on, oldest first, until it is interrupted."""
    for_people = is_for_people(getattr(args, "output", None))
    seen = {each["id"] for each in scheduler.inbox.list(limit=100)}
    if for_people:
        onward = f", and goes on to {args.forward_to}" if args.forward_to else ""
        emit(f"What arrives at {scheduler.inbox.address()['address']} is shown here{onward}.")
        sys.stdout.flush()
    while True:
        time.sleep(args.interval)
        for arrived in reversed(_new(scheduler, seen)):
            seen.add(arrived["id"])
            answer = forward(arrived, to=args.forward_to) if args.forward_to else None
            _show(arrived, answer, for_people=for_people)


def _new(scheduler: Scheduler, seen: set[str]) -> list[Mapping[str, Any]]:
    """What has arrived since, newest first."""
    found: list[Mapping[str, Any]] = []
    for arrived in scheduler.inbox.iterate():
        if arrived["id"] in seen or len(found) >= _MOST_AT_ONCE:
            break
        found.append(arrived)
    return found


def _show(arrived: Mapping[str, Any], answer: Forwarded | None, *, for_people: bool) -> None:
    if for_people:
        at = str(words.plain(arrived["inserted_at"])).replace("T", " ")
        where = text((arrived["path"] or "/") + (f"?{arrived['query']}" if arrived["query"] else ""))
        line = f"{text(at)}  {text(arrived['method'])} {where}  {_said(answer)}".rstrip()
        room = width()
        emit(line if room is None else cut(line, room))
    else:
        came = None if answer is None else {"status": answer.status, "error": answer.error}
        show_json({**arrived, "answer": came}, indent=None)
    sys.stdout.flush()


def _said(answer: Forwarded | None) -> str:
    if answer is None:
        return ""
    if answer.status is None:
        return f"-> {text(answer.error)}"
    known = {status.value: status.phrase for status in HTTPStatus}
    return f"-> {answer.status} {known.get(answer.status, '')}".rstrip() + f" in {span(answer.seconds)}"


def _open(scheduler: Scheduler, args: argparse.Namespace) -> None:
    url = f"{scheduler.base_url}{_page_of(scheduler, args.id)}"
    emit(url)
    sys.stdout.flush()
    webbrowser.open(url)


def _page_of(scheduler: Scheduler, identity: str | None) -> str:
    """The path of the page; of whatever has that id, a job first. Raises Failed."""
    if identity is None:
        return "/home"
    try:
        return f"/jobs/{scheduler.jobs.get(identity)['job_id']}"
    except NotFound:
        return f"/schedules/{on_schedule(scheduler, identity, scheduler.schedules.get)['id']}"
