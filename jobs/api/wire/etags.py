"""ETag and If-Match for jobs and schedules: who edits what somebody else has edited since is told, with 412.

An ETag stands for what a client may change, so that it stays the same while runs go on.
"""

import hashlib
import json
from typing import Any

from rest_framework.request import Request

from jobs.api.wire.problems import PreconditionFailed
from jobs.models import Job, Schedule

_ANY = "*"


def of(row: Job | Schedule) -> str:
    """The tag of a row, in its quotes, as the header has it."""
    ended_at = row.cancelled_at if isinstance(row, Job) else row.disabled_at
    due_at = row.scheduled_at if isinstance(row, Job) else None
    managed_by = [row.managed_by] if isinstance(row, Schedule) and row.managed_by is not None else []
    text = json.dumps([str(row.pk), row.args, due_at, ended_at, *managed_by], sort_keys=True, default=str)
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def headers(row: Job | Schedule) -> dict[str, str]:
    return {"ETag": of(row)}


def require(request: Request, row: Job | Schedule) -> None:
    """Raises PreconditionFailed unless `row` is as the If-Match header has it; a request without one is fine."""
    wanted: Any = request.META.get("HTTP_IF_MATCH")
    if wanted is None or wanted.strip() == _ANY:
        return
    current = of(row)
    if current not in [tag.strip() for tag in wanted.split(",")]:
        raise PreconditionFailed(f"it was changed in the meantime and its ETag is {current} now: read it again")


def require_none(request: Request) -> None:
    """Raises PreconditionFailed for an If-Match header where there is nothing that it could match."""
    if request.META.get("HTTP_IF_MATCH") is not None:
        raise PreconditionFailed("there is none by now: leave If-Match out to make it")
