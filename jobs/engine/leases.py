"""The lease of a process on all it has claimed: taken at its start, renewed every few seconds, given up at its end."""

from collections.abc import Callable
from datetime import datetime, timedelta

from jobs.models import Process, ProcessRole

# Processes agree on the time to within this.
_APART = timedelta(seconds=2)


def take(role: ProcessRole, name: str, *, lease: timedelta, now: datetime) -> Process:
    return Process.objects.create(role=role, name=name, started_at=now, heartbeat_at=now, lease_expires_at=now + lease)


def renew(process: Process, *, lease: timedelta, now: datetime) -> None:
    """Writes the row anew where it is gone, pruned while the process was suspended or out of reach of the database."""
    fields = {"heartbeat_at": now, "lease_expires_at": now + lease}
    if not Process.objects.filter(id=process.id).update(**fields):
        Process.objects.create(
            id=process.id, role=process.role, name=process.name, started_at=process.started_at, **fields
        )


def give_up(process: Process) -> None:
    """What it still holds is rescued at once."""
    Process.objects.filter(id=process.id).delete()


def forget_dead(*, silent_since: datetime) -> int:
    return Process.objects.filter(heartbeat_at__lt=silent_since).delete()[0]


def living_workers(*, now: datetime) -> int:
    return Process.objects.filter(role=ProcessRole.WORKER, lease_expires_at__gt=now).count()


def begin_anew(read_clock: Callable[[], datetime]) -> int:
    """Begins leases anew whose heartbeats lie in the future: the clock was set back. Returns how many.

    Without this, a dead process would seem alive until the clock has caught up with its last heartbeat.
    """
    count = 0
    heartbeats = list(Process.objects.all())
    # Read after them: to one that was suspended in between, all others would seem to be ahead.
    now = read_clock()
    for process in heartbeats:
        if process.heartbeat_at <= now + _APART:
            continue
        lease = process.lease_expires_at - process.heartbeat_at
        same = Process.objects.filter(id=process.id, heartbeat_at=process.heartbeat_at)
        count += same.update(heartbeat_at=now, lease_expires_at=now + lease)
    return count
