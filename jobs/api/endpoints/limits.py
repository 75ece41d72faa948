"""/api/limits: what the caller may have, and how much of it is used."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import limiting, serializers
from jobs.api.endpoints.base import View, answer
from jobs.api.schema.operations import guarding as operations
from jobs.database import clock
from jobs.guarding import limits, rates, stocks
from jobs.guarding.limits import Limit
from jobs.guarding.rates import Standing
from jobs.models import Alert, ApiKey, Job, JobState, Queue, Secret

_HELD: tuple[tuple[Limit, Callable[[UUID], int]], ...] = (
    (limits.WAITING_JOBS, stocks.waiting_jobs.used),
    (limits.SCHEDULES, stocks.schedules.used),
    (limits.QUEUES, lambda user_id: Queue.objects.filter(user_id=user_id).count()),
    (limits.SECRETS, lambda user_id: Secret.objects.filter(user_id=user_id).count()),
    (limits.KEYS, lambda user_id: ApiKey.objects.existing().filter(user_id=user_id).count()),
    (limits.ALERTS, lambda user_id: Alert.objects.filter(user_id=user_id).count()),
)


# Of a worker's places the share of one tenant, and of one host of a tenant.
_OF_WORKERS = (
    ("on_the_wire", "BOOPER_ON_THE_WIRE_SHARE"),
    ("on_the_wire_per_host", "BOOPER_ON_THE_WIRE_PER_HOST"),
)


class Limits(View):
    @operations.LIST_LIMITS
    def get(self, request: Request) -> Response:
        now, key = clock.now(), self.key
        overrides, user_id = key.user.limits, self.owner_id
        spent = [
            limiting.standing_of_key(key, now=now),
            limiting.standing_of_nobody(request, now=now),
            rates.stored_bytes.standing(user_id.hex, allowed=limits.allowed(limits.STORED_BYTES, overrides), now=now),
        ]
        shown = [_spent(standing, now=now) for standing in spent]
        shown += [
            serializers.limit(limit.name, allowed=limits.allowed(limit, overrides), used=count(user_id))
            for limit, count in _HELD
        ]
        starts = limits.allowed(limits.STARTS_PER_HOST, overrides)
        paced = serializers.limit(limits.STARTS_PER_HOST.name, allowed=starts, used=None)
        return answer([*shown, *_of_workers(user_id, overrides), paced])


def _of_workers(user_id: UUID, overrides: Mapping[str, int]) -> list[dict[str, Any]]:
    """The limits on what one tenant has on the wire, which each worker process keeps by itself."""
    executing = Job.objects.filter(user_id=user_id, state=JobState.EXECUTING)
    shown = []
    for name, setting in _OF_WORKERS:
        allowed = max(1, int(getattr(settings, setting) * settings.WORKER_CONCURRENCY))
        allowed = overrides.get(name, allowed)
        used = executing.count() if name == "on_the_wire" else None
        shown.append(serializers.limit(name, allowed=allowed, used=used))
    return shown


def _spent(standing: Standing, *, now: datetime) -> dict[str, Any]:
    resets_at = now + timedelta(seconds=standing.resets_in_seconds)
    return serializers.limit(
        standing.limit.name,
        allowed=standing.allowed,
        used=min(standing.used, standing.allowed or standing.used),
        resets_at=resets_at,
    )
