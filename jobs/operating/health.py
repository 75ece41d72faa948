"""Whether this instance can do its work: database, broker, beat and workers, each named. Always answered in time."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from booper.timing.timestamps import timestamp
from jobs.database import clock
from jobs.guarding import suspension
from jobs.models import Process, ProcessRole
from jobs.operating.bounded_question import Answer, Question

# How long a probe waits for whoever does not answer; both are asked at the same time.
PATIENCE_SECONDS = 1.5
_FRESH_SECONDS = 2.0
NAMES = ("database", "broker", "beat", "workers")
_ROLES = {"beat": ProcessRole.BEAT, "workers": ProcessRole.WORKER}


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process that is alive by its lease, or was within the last hour."""

    role: str
    name: str
    age_seconds: float
    is_alive: bool


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """`age_seconds`: how long ago the last sign of life was; None if there was none."""

    name: str
    is_ok: bool
    age_seconds: float | None
    message: str
    processes: Sequence[Heartbeat] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "status": "ok" if self.is_ok else "failing",
            "age_seconds": None if self.age_seconds is None else round(self.age_seconds, 3),
            "message": self.message,
        }
        if self.name in _ROLES:
            shown["processes"] = [
                {"name": seen.name, "age_seconds": round(seen.age_seconds, 3)} for seen in self.processes
            ]
        return shown


@dataclass(frozen=True, slots=True)
class Report:
    checks: Mapping[str, ProbeCheck]
    # An instance that the operator has paused is ready: it takes jobs, and starts none.
    paused_at: datetime | None = None

    @property
    def is_ready(self) -> bool:
        return all(check.is_ok for check in self.checks.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "ready" if self.is_ready else "not ready",
            "paused_at": None if self.paused_at is None else timestamp(self.paused_at),
            "checks": {name: check.as_json() for name, check in self.checks.items()},
        }


def heartbeats(*, now: datetime) -> list[Heartbeat]:
    """The heartbeats of all workers and beats, the latest first."""
    return [
        Heartbeat(
            role=process.role,
            name=process.name,
            age_seconds=max(0.0, (now - process.heartbeat_at).total_seconds()),
            is_alive=process.lease_expires_at > now,
        )
        for process in Process.objects.order_by("-heartbeat_at")
    ]


class Readiness:
    """Asks the database and the broker, in threads of their own, whenever somebody wants to know."""

    def __init__(
        self,
        *,
        ask_broker: Callable[[], None],
        ask_database: Callable[[], list[Heartbeat]] | None = None,
        ask_paused: Callable[[], datetime | None] | None = None,
    ) -> None:
        """`ask_broker` raises if the broker does not answer."""
        self._database = Question(ask_database or ask_the_database, fresh_seconds=_FRESH_SECONDS, name="database-check")
        self._paused = Question(ask_paused or suspension.paused_at, fresh_seconds=_FRESH_SECONDS, name="pause-check")
        self._broker = Question(ask_broker, fresh_seconds=_FRESH_SECONDS, name="broker-check")

    def report(self, *, without: Sequence[str] = ()) -> Report:
        """Within PATIENCE_SECONDS. `without` are those of NAMES that are not to be looked at."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        checks = {}
        if "broker" not in without:
            # Set off here and waited for below: two that hang take no longer than one.
            self._broker.answer(within_seconds=0)
        database = self._database.answer(within_seconds=PATIENCE_SECONDS)
        checks["database"] = _server("database", database)
        if "broker" not in without:
            broker = self._broker.answer(within_seconds=max(0.0, ends_at - time.monotonic()))
            checks["broker"] = _server("broker", broker)
        checks |= {name: _role(name, role, database) for name, role in _ROLES.items()}
        paused = self._paused.answer(within_seconds=max(0.0, ends_at - time.monotonic()))
        return Report({name: check for name, check in checks.items() if name not in without}, paused.value)


def ask_the_database() -> list[Heartbeat]:
    """Writes as well, down to the disk: a standby, and a server whose disk is full, answer whatever is only read."""
    now = clock.now()
    with transaction.atomic():
        # Never seen by anybody.
        row = Process.objects.create(
            role=ProcessRole.BEAT, name="readiness", started_at=now, heartbeat_at=now, lease_expires_at=now
        )
        row.delete()
    return heartbeats(now=now)


def _server(name: str, answer: Answer[Any]) -> ProbeCheck:
    return ProbeCheck(
        name,
        is_ok=answer.error is None,
        age_seconds=answer.age_seconds,
        message=answer.error or f"the {name} takes what is written",
    )


def _role(name: str, role: ProcessRole, database: Answer[list[Heartbeat]]) -> ProbeCheck:
    if database.value is None:
        return ProbeCheck(name, is_ok=False, age_seconds=None, message="unknown, as the database does not answer")
    seen = [heartbeat for heartbeat in database.value if heartbeat.role == role]
    alive = [heartbeat for heartbeat in seen if heartbeat.is_alive]
    age_seconds = None if not seen else seen[0].age_seconds + (database.age_seconds or 0.0)
    if alive:
        return ProbeCheck(name, is_ok=True, age_seconds=age_seconds, message=f"{len(alive)} running", processes=alive)
    message = f"no {role.value} is running"
    if age_seconds is not None:
        message += f", the last one was heard of {age_seconds:.0f} s ago"
    return ProbeCheck(
        name, is_ok=False, age_seconds=age_seconds, message=f"{message}: start one with {_COMMANDS[name]}"
    )


_COMMANDS = {"beat": "`celery -A config beat`", "workers": "`celery -A config worker --pool threads`"}
