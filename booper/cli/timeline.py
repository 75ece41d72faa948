"""What became of a job, a line an entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from booper.cli import paint, words
from booper.cli.columns import text
from booper.cli.output import details, width
from booper.cli.tables import GAP, wrapped
from booper.timing.spans import span


def lines(timeline: Any, now: datetime) -> str:
    """A job's timeline: how it stands and why, then what happened, in order."""
    entries = timeline.get("entries")
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        return details(dict(timeline), now=now)
    told = [line for each in entries for line in entry_lines(each)]
    incomplete = [["", "", "a part of it is not kept any more"]] if timeline.get("is_complete") is False else []
    return "\n".join([_heading(timeline, now=now), paint.painted([*told, *incomplete], gap=GAP, has_headings=False)])


def entry_lines(entry: Mapping[str, Any]) -> list[list[str]]:
    """When, which attempt, and what, in as many lines as the terminal needs for the whole of it."""
    at = str(words.plain(entry.get("at") or "")).replace("T", " ")
    attempt = "" if entry.get("attempt") is None else f"#{entry['attempt']}"
    said = text(entry.get("text") or entry.get("name"))
    room = width()
    first, *more = [said] if room is None else wrapped(said, max(20, room - 20 - 3 - 2 * GAP))
    return [[f"{at:20}", f"{attempt:3}", first], *([" " * 20, " " * 3, each] for each in more)]


def _heading(timeline: Mapping[str, Any], *, now: datetime) -> str:
    reason = timeline.get("reason")
    why = text(reason.get("message")) if isinstance(reason, Mapping) else ""
    spent = timeline.get("seconds_in_states")
    states = {name: seconds for name, seconds in spent.items() if seconds} if isinstance(spent, Mapping) else {}
    stood = ", ".join(f"{text(name)} {span(seconds)}" for name, seconds in states.items())
    heading = f"Job {text(timeline.get('job_id'))}: {text(timeline.get('state'))}"
    return heading + (f", {why}" if why else "") + (f" ({stood})" if stood else "")
