"""A delivery under a worker's lease: the columns that an attempt needs, read by the claim itself."""

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from jobs.database import returned
from jobs.models import Delivery, Job, Receiver


@dataclass(slots=True)
class ClaimedDelivery:
    """As `jobs.database.claimed_job.Claimed` is of a job."""

    id: int
    uuid: UUID
    user_id: UUID
    # None of an alert.
    job_id: int | None
    kind: str
    event: str
    sequence: int | None
    url: str
    body: str
    state: str
    inserted_at: datetime
    due_at: datetime
    attempted_at: datetime
    attempt: int
    handed_back: int
    resent_at: datetime | None
    resent_after: int | None
    # What was known of its receiver when it was taken up, if anything; no column.
    receiver: Receiver | None = None
    # Its job, where traces are sent; no column.
    traced_job: Job | None = None


AnyDelivery = Delivery | ClaimedDelivery
_NAMES = [field.name for field in fields(ClaimedDelivery) if field.name not in ("receiver", "traced_job")]
_UUIDS = ("uuid", "user_id")
_TIMES = ("inserted_at", "due_at", "attempted_at", "resent_at")


@cache
def columns() -> str:
    """What a statement returns of each row, for `from_row`."""
    return returned.columns("jobs_delivery", _NAMES, times=_TIMES)


def from_row(row: tuple[Any, ...]) -> ClaimedDelivery:
    """Takes a row of `columns` as the driver returns it."""
    delivery = ClaimedDelivery(*row)
    returned.make_values(delivery, uuids=_UUIDS, times=_TIMES)
    return delivery
