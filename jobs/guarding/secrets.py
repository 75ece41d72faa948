"""A user's secrets: set, listed by name, deleted, and looked up in one query for a whole batch of requests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from booper.content import secret_references
from jobs.guarding import audit, limits, stocks
from jobs.models import WAITING_STATES, Job, Schedule, Secret
from jobs.models.encryption import Unreadable

# So many rows are looked through for what uses a secret, and so many named.
_MOST_LOOKED_AT = 1_000
_MOST_NAMED = 20


class NoSuchSecret(Exception):
    """A request refers to a secret that is not there, or that may not be sent where it goes. Never says the value."""


@dataclass(frozen=True, slots=True)
class Known:
    value: str
    hosts: tuple[str, ...] | None


Vault = Mapping[str, Known]
"""One user's secrets, by name."""


def put(
    user_id: UUID, name: str, *, value: str, hosts: Sequence[str] | None, actor: str, now: datetime
) -> tuple[Secret, bool]:
    """The secret, and whether it is new. Raises LimitReached."""
    with transaction.atomic():
        fields: dict[str, Any] = {"value": value, "hosts": None if hosts is None else list(hosts), "updated_at": now}
        is_new = not of_user(user_id).filter(name=name).exists()
        if is_new:
            stocks.require_room(limits.SECRETS, of_user(user_id), user_id=user_id)
        secret, is_new = Secret.objects.update_or_create(
            user_id=user_id, name=name, defaults=fields, create_defaults=fields | {"inserted_at": now}
        )
        audit.note("secret.made" if is_new else "secret.changed", user_id=user_id, actor=actor, now=now, secret=name)
    return secret, is_new


def delete(secret: Secret, *, actor: str, now: datetime) -> bool:
    """False if it was gone already. What refers to it fails from then on, with no_such_secret."""
    with transaction.atomic():
        if not Secret.objects.filter(pk=secret.pk).delete()[0]:
            return False
        audit.note("secret.deleted", user_id=secret.user_id, actor=actor, now=now, secret=secret.name)
    return True


def of_user(user_id: UUID) -> QuerySet[Secret]:
    return Secret.objects.filter(user_id=user_id)


def vaults(user_ids: Iterable[UUID]) -> dict[UUID, dict[str, Known]]:
    """All secrets of these users, read now: a changed one counts at once. One query."""
    found: dict[UUID, dict[str, Known]] = {user_id: {} for user_id in user_ids}
    for secret in Secret.objects.filter(user_id__in=list(found)):
        hosts = None if secret.hosts is None else tuple(secret.hosts)
        found[secret.user_id][secret.name] = Known(secret.value, hosts)
    return found


def resolver(vault: Vault, *, host: str) -> Callable[[str], str]:
    """What puts in the secrets of a request to `host`. It raises NoSuchSecret."""

    def resolve(name: str) -> str:
        known = vault.get(name)
        if known is None:
            raise NoSuchSecret(f"there is no secret {name[:80]!r}: PUT /api/secrets/NAME makes one")
        if known.hosts is not None and host not in known.hosts:
            raise NoSuchSecret(f"secret {name!r} may not be sent to {host}: its hosts are {', '.join(known.hosts)}")
        if isinstance(known.value, Unreadable):
            raise NoSuchSecret(f"secret {name!r} is encrypted with a key that is not there any more: set it again")
        return known.value

    return resolve


def uses(user_id: UUID) -> dict[str, dict[str, list[Any]]]:
    """Says which schedules and waiting jobs refer to each name: the newest, as far as can be told cheaply."""
    schedules = Schedule.objects.existing().filter(user_id=user_id).order_by("-id")
    jobs = Job.objects.filter(user_id=user_id, state__in=WAITING_STATES, schedule=None).order_by("-id")
    found: dict[str, dict[str, list[Any]]] = {}
    for kind, rows in (("schedules", schedules), ("jobs", jobs)):
        for row_id, args in rows.values_list("id", "args")[:_MOST_LOOKED_AT]:
            for name in _names_in(args):
                named = found.setdefault(name, {"schedules": [], "jobs": []})[kind]
                if len(named) < _MOST_NAMED:
                    named.append(row_id)
    return found


def _names_in(args: Mapping[str, Any]) -> set[str]:
    return {name for _, name in secret_references.found_in(args)}
