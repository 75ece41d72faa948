"""/limits: what the owner may have, and how much of it is used."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from jobs.database import clock
from jobs.guarding import limits, rates, stocks
from jobs.guarding.limits import Limit
from jobs.models import Alert, ApiKey, Queue, Secret
from jobs.pages.shell import Page

_HELD: tuple[tuple[Limit, str, Callable[[UUID], int]], ...] = (
    (limits.WAITING_JOBS, "Waiting jobs", stocks.waiting_jobs.used),
    (limits.SCHEDULES, "Schedules", stocks.schedules.used),
    (limits.QUEUES, "Queues", lambda user_id: Queue.objects.filter(user_id=user_id).count()),
    (limits.SECRETS, "Secrets", lambda user_id: Secret.objects.filter(user_id=user_id).count()),
    (limits.KEYS, "API keys", lambda user_id: ApiKey.objects.existing().filter(user_id=user_id).count()),
    (limits.ALERTS, "Alerts", lambda user_id: Alert.objects.filter(user_id=user_id).count()),
)


@dataclass(frozen=True, slots=True)
class Row:
    """`allowed` is 0 where there is no limit."""

    name: str
    label: str
    used: int | None
    allowed: int
    note: str = ""


class Limits(Page):
    entry = "limits"

    def get(self, request: HttpRequest) -> HttpResponse:
        overrides, now = self.owner.limits, clock.now()
        held = [
            Row(limit.name, label, count(self.owner_id), limits.allowed(limit, overrides))
            for limit, label, count in _HELD
        ]
        allowed = limits.allowed(limits.STORED_BYTES, overrides)
        stored = rates.stored_bytes.standing(self.owner_id.hex, allowed=allowed, now=now).used if allowed else None
        rows = [
            Row(
                limits.REQUESTS.name,
                "Requests",
                None,
                limits.allowed(limits.REQUESTS, overrides),
                "of each key, a minute",
            ),
            *held,
            Row(limits.STORED_BYTES.name, "Bytes stored", stored, allowed, "a day"),
        ]
        return self.page("limits.html", title="Limits", rows=rows)
