"""What an operator does to jobs: one guarded transition after the other, and a sentence on how it went."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from jobs.actions import job as actions_job
from jobs.models import FINISHED_STATES, UNFINISHED_STATES, WAITING_STATES, Job, JobState, Queue
from jobs.recurring import upcoming as recurring_upcoming
from jobs.running import transitions

MOST_AT_ONCE = 500


class Arrow(Protocol):
    """A transition; None if its guard did not match."""

    def __call__(self, job: Job, *, now: datetime) -> Job | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`name` is its place in the URL; the other words are for people."""

    name: str
    label: str
    done: str
    missed_one: str
    missed_many: str
    arrow: Arrow
    states: tuple[JobState, ...]
    """Where it is offered; the arrow's own guard is what decides."""
    on_upcoming: bool = False
    """Whether it is for upcoming runs of schedules."""
    on_others: bool = True
    question: str = ""
    """What is asked first, where it can't be taken back."""

    def is_possible(self, job: Job) -> bool:
        return job.state in self.states and self.is_meant_for(job)

    def is_meant_for(self, job: Job) -> bool:
        return self.on_upcoming if job.is_upcoming else self.on_others


RUN_NOW = Operation(
    name="run",
    label="Run now",
    done="due now",
    missed_one="was not waiting",
    missed_many="were not waiting",
    arrow=actions_job.run_job,
    states=WAITING_STATES,
    on_upcoming=True,
)
RETRY = Operation(
    name="retry",
    label="Retry",
    done="to be tried again now",
    missed_one="could not be retried",
    missed_many="could not be retried",
    arrow=transitions.retry,
    states=FINISHED_STATES,
)
CANCEL = Operation(
    name="cancel",
    label="Cancel",
    done="cancelled",
    missed_one="had ended already",
    missed_many="had ended already",
    arrow=transitions.cancel,
    states=UNFINISHED_STATES,
    question="It is not sent any more; a request that is on the wire is broken off.",
)
SKIP_RUN = Operation(
    name="skip",
    label="Skip this run",
    done="skipped",
    missed_one="was not an upcoming run any more",
    missed_many="were not upcoming runs any more",
    arrow=partial(recurring_upcoming.cancel_upcoming, ends_schedule=False),
    states=(JobState.SCHEDULED,),
    on_upcoming=True,
    on_others=False,
)
END_SCHEDULE = Operation(
    name="end",
    label="End its schedule",
    done="cancelled and its schedule ended",
    missed_one="was not an upcoming run any more",
    missed_many="were not upcoming runs any more",
    arrow=partial(recurring_upcoming.cancel_upcoming, ends_schedule=True),
    question="The schedule runs no more until it is enabled again.",
    states=(JobState.SCHEDULED,),
    on_upcoming=True,
    on_others=False,
)
OPERATIONS = {operation.name: operation for operation in (RUN_NOW, RETRY, CANCEL, SKIP_RUN, END_SCHEDULE)}


@dataclass(slots=True)
class ActionCount:
    operation: Operation
    done: list[Job] = field(default_factory=list)
    missed: list[Job] = field(default_factory=list)
    """The jobs that were in another state, or that somebody else moved first."""
    upcoming: list[Job] = field(default_factory=list)
    """Upcoming runs, left alone: whether just the run is meant, or its schedule, is for a person to say."""

    held: int = 0
    """How many of those done wait on, as their queue is paused."""

    def sentence(self) -> str:
        parts = [f"{len(self.done)} {self.operation.done}"] if self.done or not self.missed + self.upcoming else []
        if self.held:
            parts.append(f"of which {self.held} wait{'s' if self.held == 1 else ''} for a queue that is paused")
        if self.missed:
            words = self.operation.missed_one if len(self.missed) == 1 else self.operation.missed_many
            parts.append(f"{len(self.missed)} {words}")
        if self.upcoming:
            what = "is an upcoming run" if len(self.upcoming) == 1 else "are upcoming runs"
            parts.append(f"{len(self.upcoming)} {what}, whose page can skip it or end its schedule")
        return ", ".join(parts) + "."


def apply(operation: Operation, jobs: Iterable[Job], *, clock: Callable[[], datetime]) -> ActionCount:
    """Each job in a transaction of its own: one that is contended holds up none that is done."""
    tally = ActionCount(operation)
    for job in jobs:
        if job.is_upcoming and not operation.on_upcoming:
            tally.upcoming.append(job)
            continue
        moved = operation.arrow(job, now=clock()) if operation.is_meant_for(job) else None
        if moved is None:
            tally.missed.append(job)
        else:
            tally.done.append(moved)
    tally.held = _held(tally.done)
    return tally


def _held(done: Iterable[Job]) -> int:
    queues = {job.queue_id for job in done if job.queue_id is not None and job.state in WAITING_STATES}
    if not queues:
        return 0
    paused = set(Queue.objects.filter(id__in=queues, paused_at__isnull=False).values_list("id", flat=True))
    return sum(1 for job in done if job.queue_id in paused)
