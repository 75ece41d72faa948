"""Carries a plan out, one call a step, and says how far it came where one is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from booper.cli.as_code.plan import DELETE, Step
from booper.client import BooperError, Json, NotFound, Scheduler


class Stopped(Exception):
    """A step failed with `error`; `done` steps were taken before it."""

    def __init__(self, step: Step, error: BooperError, *, done: int, of: int) -> None:
        super().__init__(
            f"stopped at {step.noun} {step.name}, {done} of {of} were done before it: mend that and apply again, "
            "which goes on from there"
        )
        self.error = error


def write(scheduler: Scheduler, steps: Sequence[Step]) -> None:
    """Takes those steps that write. Raises Stopped."""
    writing = [step for step in steps if step.is_writing]
    for place, step in enumerate(writing):
        try:
            _take(scheduler, step)
        except BooperError as error:
            raise Stopped(step, error, done=place, of=len(writing)) from error


def _take(scheduler: Scheduler, step: Step) -> None:
    if step.action == DELETE:
        try:
            scheduler.schedules.delete(step.name)
        except NotFound:
            return  # somebody else was quicker
        return
    if step.section == "alerts":
        _put_alert(scheduler, step)
        return
    puts: dict[str, Callable[[str, Json], Any]] = {
        "schedules": scheduler.schedules.put,
        "queues": scheduler.queues.update,
        "calendars": scheduler.calendars.put,
    }
    puts[step.section](step.name, step.fields or {})


def _put_alert(scheduler: Scheduler, step: Step) -> None:
    """The whole of it is the file's: what that leaves out is as if it had never been said."""
    fields = step.fields or {}
    if step.row_id is None:
        scheduler.alerts.create({**fields, "name": step.name})
    else:
        scheduler.alerts.update(step.row_id, {"of": None, "mute_for": None, **fields})
