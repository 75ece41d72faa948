"""Commands that go on: a job until it ends, the log as it grows."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from booper.cli import paint, words
from booper.cli.arguments import seconds_of
from booper.cli.columns import text
from booper.cli.exits import CANCELLED, DISCARDED, OK, Ended
from booper.cli.output import emit, is_for_people, show_json, width
from booper.cli.tables import GAP, cut
from booper.cli.timeline import entry_lines
from booper.client import Job, LogEvent, Scheduler

_EXITS: Mapping[str, int] = {"completed": OK, "discarded": DISCARDED, "cancelled": CANCELLED}
_POLL_SECONDS = 1.0
_PAGE = 100


def watch(scheduler: Scheduler, args: argparse.Namespace) -> None:
    """Shows what becomes of a job until it has ended. Raises Ended with the code that says how."""
    for_people = is_for_people(getattr(args, "output", None))
    told = 0
    while True:
        job = scheduler.jobs.get(args.id)
        if for_people:
            told = _tell(scheduler, args.id, told)
        state = job["job"]["state"]
        if state in _EXITS:
            _say_end(job, for_people=for_people)
            raise Ended(_EXITS[state])
        time.sleep(args.interval)


def _tell(scheduler: Scheduler, job_id: str, told: int) -> int:
    """Shows the entries after the first `told`, and answers how many there are."""
    # A wait that goes on is the last entry, and another one each time.
    entries = [each for each in scheduler.jobs.timeline(job_id)["entries"] if each["type"] != "wait"]
    for entry in entries[told:]:
        emit(paint.painted(entry_lines(entry), gap=GAP, has_headings=False))
        sys.stdout.flush()
    return max(told, len(entries))


def _say_end(job: Job, *, for_people: bool) -> None:
    if not for_people:
        show_json(job)
        return
    why = words.error(job.get("error")) if job["job"]["state"] == "discarded" else None
    emit(f"Job {job['job_id']}: {job['job']['state']}" + (f", {text(why)}" if why else ""))


def tail(scheduler: Scheduler, args: argparse.Namespace) -> None:
    """Shows the newest events, then each that comes, until it is interrupted."""
    for_people = is_for_people(getattr(args, "output", None))
    filters = {name: getattr(args, name) for name in ("job_id", "tag", "event")}
    seen: set[str] = set()
    newest = scheduler.logs.list(limit=args.lines, **filters) if args.lines else scheduler.logs.list(limit=1, **filters)
    for event in reversed(newest):
        seen.add(event["id"])
        if args.lines:
            _show_event(event, for_people=for_people)
    while True:
        time.sleep(args.interval)
        for event in reversed(list(_since(scheduler, filters, seen))):
            seen.add(event["id"])
            _show_event(event, for_people=for_people)


def _since(scheduler: Scheduler, filters: Mapping[str, Any], seen: set[str]) -> Iterator[LogEvent]:
    """The events after those that were seen, newest first; at most a few pages of them."""
    for number, event in enumerate(scheduler.logs.iterate(page_size=_PAGE, **filters)):
        if event["id"] in seen or number >= 10 * _PAGE or (not seen and number >= _PAGE):
            return
        yield event


def _show_event(event: LogEvent, *, for_people: bool) -> None:
    if not for_people:
        show_json(event, indent=None)
    else:
        at = str(words.plain(event["inserted_at"])).replace("T", " ")
        line = f"{text(at):20}  {text(event['job_id']):>7}  {text(event['event']):20}  {what(event)}"
        room = width()
        emit(line if room is None else cut(line, room))
    sys.stdout.flush()


def what(event: Mapping[str, Any]) -> str:
    """What an event is about, in a few words: its error, its status, or where it went."""
    payload = event.get("payload") or {}
    said = [
        payload.get("message"),
        payload.get("reason"),
        None if payload.get("status") is None else f"status {payload['status']}",
        payload.get("url"),
        payload.get("state"),
    ]
    return text(next((each for each in said if each), ""))


def add_interval(parser: argparse.ArgumentParser) -> None:
    """The option that says how often to look."""
    parser.add_argument(
        "--interval", metavar="DURATION", type=_interval, default=_POLL_SECONDS, help="how often to look, or 1s"
    )


def _interval(written: str) -> float:
    seconds = seconds_of(written)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{written!r} is too often or too seldom, use 0.1s to 1h")
    return seconds
