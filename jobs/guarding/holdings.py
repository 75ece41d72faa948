"""What a tenant has of what is limited, and how much of it is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from jobs.guarding import limits, stocks
from jobs.guarding.limits import Limit
from jobs.models import Alert, ApiKey, Queue, Secret, User

_HELD: tuple[tuple[Limit, str, Callable[[UUID], int]], ...] = (
    (limits.WAITING_JOBS, "Waiting jobs", stocks.waiting_jobs.used),
    (limits.SCHEDULES, "Schedules", stocks.schedules.used),
    (limits.QUEUES, "Queues", lambda user_id: Queue.objects.filter(user_id=user_id).count()),
    (limits.SECRETS, "Secrets", lambda user_id: Secret.objects.filter(user_id=user_id).count()),
    (limits.KEYS, "API keys", lambda user_id: ApiKey.objects.existing().filter(user_id=user_id).count()),
    (limits.ALERTS, "Alerts", lambda user_id: Alert.objects.filter(user_id=user_id).count()),
)


@dataclass(frozen=True, slots=True)
class Holding:
    """`allowed` is 0 where there is no limit."""

    name: str
    label: str
    used: int
    allowed: int


def of_user(user: User) -> list[Holding]:
    """A query each."""
    return [
        Holding(limit.name, label, count(user.id), limits.allowed(limit, user.limits)) for limit, label, count in _HELD
    ]
