"""Jobs that follow another one, in its trace."""

from collections.abc import Sequence
from datetime import datetime

from jobs.database.claimed_job import AnyJob
from jobs.models import Job
from jobs.telemetry import traces


def follow(row: Job, parent: AnyJob) -> None:
    """Puts a job that follows another one into its trace, below the attempt that it came of."""
    trace = traces.of_job(parent.uuid, parent.args)
    row.args = traces.kept(row.args, str(traces.parent(trace, parent)))


def tell(rows: Sequence[Job], *, now: datetime) -> None:
    traces.made(rows, name="follow", kind="producer", attributes={}, since=now)
