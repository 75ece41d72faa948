"""Until when a job may be begun: the fields `expires_in` and `expires_at`."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from booper.timing import durations
from booper.timing.timestamps import timestamp
from jobs.intake import timing
from jobs.intake.fields import Input
from jobs.running import expiry

FIELDS = expiry.FIELDS


def check(given: Input, *, due_at: datetime | None, zone: tzinfo, now: datetime) -> None:
    """Refuses what does not fit; a job that is due then (None: not known) is not to expire before."""
    if given.has("expires_in") and given.has("expires_at"):
        given.refuse("expires_at", detail="expires_in says when already: give one or the other")
    if given.has("expires_in"):
        wait = timing.duration(given, "expires_in", value=given.value("expires_in"))
        if wait is not None and not wait.amount:
            given.refuse("expires_in", detail="it is zero, so that nothing would ever run: give a longer duration")
    at = given.read("expires_at", partial(durations.parse_moment, now=now, zone=zone))
    if at is not None and due_at is not None and at <= due_at:
        given.refuse("expires_at", detail=_too_early(due_at))


def check_edited(given: Input, args: Mapping[str, Any], *, due_at: datetime, now: datetime) -> None:
    """The same of a job whose `args` are what its edit made of them."""
    at = None if args.get("expires_in") is not None else expiry.moment(args, due_at=due_at, now=now)
    if at is not None and at <= due_at:
        name = "expires_at" if given.has("expires_at") else "scheduled_at"
        given.refuse(name, detail=_too_early(due_at) if name == "expires_at" else _too_late(at))


def _too_early(due_at: datetime) -> str:
    return f"it is not after {timestamp(due_at)}, when the job is due: give a later moment, or leave it out"


def _too_late(at: datetime) -> str:
    return f"the job expires at {timestamp(at)}: give an earlier time, or another expires_at with it"
