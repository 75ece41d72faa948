"""The root of each run's trace, which is a trace of its own: how the run came to be."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from django.db import transaction

from jobs.models import Job
from jobs.telemetry import traces

# What it came of: beat or whoever fires in its place, somebody who wanted one more, somebody who had them made good.
Name = Literal["fire", "trigger", "backfill"]


def tell(runs: Sequence[Job], *, name: Name, now: datetime) -> None:
    """Sends them once they are committed."""
    if traces.are_on() and runs:
        transaction.on_commit(partial(traces.made, runs, name=name, kind="producer", attributes={}, since=now))
