"""What is wrong, in sentences for whoever owns the jobs: since when, what it means, and where it is mended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from jobs.explaining.parked import Parked
from jobs.models import Process, ProcessRole, Receiver
from jobs.pages.filters import until

_MOST = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """`what` in bold, then `why`; the link where it can be mended, if there is one."""

    what: str
    why: str
    url: str = ""
    label: str = ""


def of_user(user_id: UUID, parked: Sequence[Parked], *, now: datetime) -> list[Alarm]:
    """Two queries; `parked` are the hosts that are so now."""
    return [*_processes(now), *_parked(parked, now), *_receivers(user_id, now)]


def _processes(now: datetime) -> Iterable[Alarm]:
    alive = set(Process.objects.filter(lease_expires_at__gt=now).values_list("role", flat=True))
    if ProcessRole.WORKER not in alive:
        yield Alarm("No worker is running", ": nothing is sent until the operator starts one. What is due waits.")
    if ProcessRole.BEAT not in alive:
        yield Alarm("Beat is not running", ": schedules stand still until the operator starts it.")


def _parked(parked: Sequence[Parked], now: datetime) -> Iterable[Alarm]:
    for each in parked[:_MOST]:
        host = each.origin.partition("://")[2].strip("/")
        yield Alarm(
            host,
            f" brings failures alone, since {until(each.since, now)}: what waits for it is charged no attempt, and a "
            "few try whether it answers again.",
            f"{reverse('pages:jobs')}?q=host:{host}",
            "See its jobs",
        )


def _receivers(user_id: UUID, now: datetime) -> Iterable[Alarm]:
    off = Receiver.objects.filter(user_id=user_id, disabled_at__isnull=False).order_by("-disabled_at")[:_MOST]
    for each in off:
        yield Alarm(
            each.origin,
            f" was switched off {until(each.disabled_at, now)}, as it took no callbacks and webhooks for days.",
            reverse("pages:deliveries"),
            "Switch it on",
        )
