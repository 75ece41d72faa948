"""What follows a job and what it follows: what was asked for, and which jobs were made. Targets' secrets are hidden."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from booper.content import redaction
from booper.timing import durations
from jobs.intake import children as intake_children
from jobs.models import Job
from jobs.running import children

_ENDS = {"then": "completed", "on_failure": "discarded"}
_MOST = 2 * intake_children.MOST_IN_A_LIST
_NEEDED = ("id", "uuid", "user_id", "state", "scheduled_at", "name", "method", "url")


@dataclass(frozen=True, slots=True)
class Following:
    """A job that is to be made when another one ends as `after`; `children`: how many follow that, at any depth."""

    after: str
    method: str
    url: str
    name: str | None
    schedule_in: str | None
    children: int


@dataclass(frozen=True, slots=True)
class Family:
    """`parent` is None for a job that follows none, or one that is gone."""

    parent: Job | None
    children: Sequence[Job]
    follows: Sequence[Following]


def of(job: Job) -> Family:
    """One query for a job that follows another one, one more for one that others follow."""
    relatives = Job.objects.filter(user_id=job.user_id).only(*_NEEDED)
    parent = None if job.parent_uuid is None else relatives.filter(uuid=job.parent_uuid).first()
    follows = following(job.args)
    made = relatives.filter(parent_uuid=job.uuid).order_by("id")[:_MOST] if job.children_made else []
    return Family(parent, list(made), follows)


def following(args: Mapping[str, Any]) -> list[Following]:
    """What is made when a job with these `args` ends."""
    return [
        _following(end, child)
        for part, end in _ENDS.items()
        for child in children.asked_for(args, part)
        if isinstance(child, dict)
    ]


def _following(end: str, args: Mapping[str, Any]) -> Following:
    name, wait = args.get("name"), args.get("schedule_in")
    return Following(
        after=end,
        method=str(args.get("method") or "get").lower(),
        url=redaction.redacted_url(str(args.get("url"))),
        name=None if name is None else str(name),
        schedule_in=None if wait is None else str(durations.parse(wait)),
        children=intake_children.count([args], most=intake_children.MOST_WRITTEN),
    )
