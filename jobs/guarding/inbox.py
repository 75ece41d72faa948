"""The inbox: a secret address of a user's that takes any request, to try jobs with. It never acts on what it takes.

Of each user the last 200 requests of a day are kept, 256 KiB of each.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from booper.content import signatures
from jobs.guarding import audit, public_links, rates, signing
from jobs.models import Inbox, InboxRequest, User
from jobs.models.identifiers import earliest_uuid7

KEPT = timedelta(days=1)
MOST_KEPT = 200
LONGEST_BODY_BYTES = 256 * 1024
LONGEST_DELAY_SECONDS = 10.0
_TOKEN_BYTES = 16
_TOKEN = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A request as it came; `address` is its sender's."""

    method: str
    path: str
    query: str
    headers: Mapping[str, Any]
    body: bytes
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the owner has it answer: JSON text, after `delay_seconds`."""

    status: int
    body: str
    delay_seconds: float


def of_user(user_id: UUID) -> Inbox:
    """Made on first use."""
    found = Inbox.objects.filter(user_id=user_id).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Inbox.objects.create(user_id=user_id, token=_new_token())
    except IntegrityError:
        return Inbox.objects.get(user_id=user_id)


def at(token: str) -> Inbox | None:
    return Inbox.objects.filter(token=token).first() if _TOKEN.fullmatch(token) else None


def address_of(inbox: Inbox) -> str:
    """The whole address."""
    return public_links.to(path_of(inbox))


def path_of(inbox: Inbox) -> str:
    """Below the path that the instance stands at."""
    return f"/in/{inbox.token}"


def rotate(user_id: UUID, *, actor: str, now: datetime) -> Inbox:
    """The address before it takes nothing any more."""
    inbox = of_user(user_id)
    with transaction.atomic():
        Inbox.objects.filter(user_id=user_id).update(token=_new_token())
        audit.note("inbox.rotated", user_id=user_id, actor=actor, now=now)
    inbox.refresh_from_db()
    return inbox


def choose(user_id: UUID, chosen: Chosen) -> None:
    of_user(user_id)
    Inbox.objects.filter(user_id=user_id).update(
        status=chosen.status, body=chosen.body, delay_seconds=chosen.delay_seconds
    )


def require_room(inbox: Inbox, *, address: str, now: datetime) -> None:
    """Raises LimitReached for an address, or an inbox, that was asked too often in the last minute."""
    allowed = settings.BOOPER_ANONYMOUS_PER_MINUTE
    if allowed:
        for subject in (address or "unknown", f"inbox:{inbox.user_id.hex}"):
            rates.anonymous.take(subject, allowed=allowed, now=now).require()


def keep(inbox: Inbox, arrived: Arrived, *, now: datetime) -> None:
    InboxRequest.objects.create(
        user_id=inbox.user_id,
        inserted_at=now,
        method=arrived.method[:32],
        path=arrived.path[:2048],
        query=arrived.query[:2048],
        head={"headers": dict(arrived.headers)},
        body=arrived.body[:LONGEST_BODY_BYTES],
        is_truncated=len(arrived.body) > LONGEST_BODY_BYTES,
        address=arrived.address[:64],
    )
    mine = InboxRequest.objects.filter(user_id=inbox.user_id)
    last_kept = mine.order_by("-id").values_list("id", flat=True)[MOST_KEPT - 1 : MOST_KEPT]
    for request_id in last_kept:
        mine.filter(id__lt=request_id).delete()


def requests(user_id: UUID, *, now: datetime) -> QuerySet[InboxRequest]:
    """The requests of the last day."""
    return InboxRequest.objects.filter(user_id=user_id, id__gte=earliest_uuid7(now - KEPT))


def clear(user_id: UUID) -> int:
    """How many there were."""
    return InboxRequest.objects.filter(user_id=user_id).delete()[0]


def old(*, now: datetime) -> QuerySet[InboxRequest]:
    """What nobody is shown any more."""
    return InboxRequest.objects.filter(id__lt=earliest_uuid7(now - KEPT))


def signature(row: InboxRequest, user: User) -> str:
    """Why its signature is not good; empty if it is one of the user's. Its age is judged by when it arrived."""
    known = [each.secret for each in signing.in_force(user, now=row.inserted_at)]
    if row.is_truncated:
        return "its body was cut, so that it can't be verified"
    headers = {name: value for name, value in row.head.get("headers", {}).items() if isinstance(value, str)}
    try:
        signatures.verify(bytes(row.body), headers, secret=known, now=row.inserted_at)
    except (signatures.InvalidSignature, ValueError) as error:
        return str(error)
    return ""


def _new_token() -> str:
    return secrets.token_hex(_TOKEN_BYTES)
