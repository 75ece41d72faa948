"""Whoever uses the simulated instance: creates, cancels, switches and triggers, as the chance of the world has it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error

from jobs.actions import job as actions_job
from jobs.models import Job, Queue, Schedule, User
from jobs.queues import limits
from jobs.recurring import schedules as recurring_schedules
from jobs.running import transitions
from jobs.specs import RecurrenceSpec
from jobs.waking.announcer import Lane
from tests.factories import make_spec, make_user
from tests.faults.evidence import Promise

if TYPE_CHECKING:
    from tests.faults.simulation import World

_URL = "https://target.example/"


class Clients:
    """Two users, each with a narrow queue. What they were promised is in the world's ledger."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.random
        self.users: list[User] = [make_user(f"{name}@example.com") for name in ("ada", "grace")]
        self.queues: list[Queue] = [self._new_queue(user) for user in self.users]

    def act(self) -> None:
        deeds: list[Callable[[], None]] = [
            *[self._create_job] * 5,
            *[self._cancel] * 2,
            self._create_schedule,
            self._switch_schedule,
            self._trigger,
        ]
        try:
            self._chance.choice(deeds)()
        except Error:
            self._world.ledger.unanswered_count += 1

    def _spec_fields(self) -> dict[str, Any]:
        return {
            "url": _URL,
            "max_attempts": self._chance.choice((1, 2, 4)),
            "backoff_seconds": self._chance.choice((None, [0.5, 2.0])),
            "webhook_url": _URL if self._chance.random() < 0.5 else None,
            "callback_url": _URL if self._chance.random() < 0.3 else None,
            "idempotency_key": self._chance.choice("abcdef") if self._chance.random() < 0.3 else None,
        }

    def _create_job(self) -> None:
        user, queue = self._chance.choice(list(zip(self.users, self.queues, strict=True)))
        due_at = self._world.now + timedelta(seconds=self._chance.choice((-1, 0, 0, 0.5, 3, 8)))
        queue_id = queue.id if self._chance.random() < 0.4 else None
        spec = make_spec(scheduled_at=due_at, queue_id=queue_id, **self._spec_fields())
        made = self._world.database(lambda: transitions.schedule(spec, user_id=user.id, now=self._world.now))
        self._promise(made.job)
        if made.is_new and made.job.queue_id is None:
            self._world.announce(Lane.JOBS, [made.job.scheduled_at])

    def _create_schedule(self) -> None:
        user = self._chance.choice(self.users)
        first_at = self._world.now + timedelta(seconds=self._chance.choice((0, 1, 4)))
        plan = RecurrenceSpec(
            frequency={"repeat_every": [self._chance.choice((1, 3, 7)), "seconds"]},
            timezone="UTC",
            first_run_at=first_at,
            max_runs=self._chance.choice((None, None, 3)),
            overlap=self._chance.choice(("allow", "skip")),
            catch_up=self._chance.choice(("latest", "skip")),
        )
        spec = make_spec(scheduled_at=first_at, **self._spec_fields())
        made = self._world.database(
            lambda: recurring_schedules.create(spec, plan, user_id=user.id, now=self._world.now)
        )
        self._promise(made.job)

    def _promise(self, job: Job) -> None:
        self._world.ledger.promises.setdefault(
            job.id, Promise(self._world.now.timestamp(), job.scheduled_at.timestamp())
        )

    def _cancel(self) -> None:
        jobs = list(Job.objects.order_by("-id")[:8])
        if not jobs:
            return
        job = self._chance.choice(jobs)
        ends = self._chance.random() < 0.5
        cancelled = self._world.database(lambda: actions_job.cancel_job(job, ends_schedule=ends, now=self._world.now))
        if cancelled is not None:
            self._world.ledger.cancels[job.id] = self._world.now.timestamp()

    def _switch_schedule(self) -> None:
        schedules = list(Schedule.objects.order_by("id"))
        if not schedules:
            return
        schedule = self._chance.choice(schedules)
        switch = recurring_schedules.enable if schedule.disabled_at else recurring_schedules.disable
        self._world.database(lambda: switch(schedule, now=self._world.now))

    def _trigger(self) -> None:
        schedules = list(Schedule.objects.order_by("id"))
        if schedules:
            schedule = self._chance.choice(schedules)
            self._promise(self._world.database(lambda: recurring_schedules.trigger(schedule, now=self._world.now)))

    def _new_queue(self, user: User) -> Queue:
        queue = limits.named(user.id, "narrow", now=self._world.now)
        return limits.configure(
            queue,
            concurrency=self._chance.choice((1, 2)),
            rate_limit=None,
            rate_seconds=None,
            is_paused=False,
            now=self._world.now,
        )
