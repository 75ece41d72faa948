"""The exact requests that go out: a job's own, and those of its callbacks and webhooks."""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import booper
from booper import payloads, placeholders, signatures, targets
from booper.outcome import Outcome, Request, Response
from booper.placeholders import Rendered
from jobs.claimed import AnyJob, Claimed
from jobs.messages import timestamp
from jobs.models import Delivery, Schedule, User

_USER_AGENT = f"Booper/{booper.__version__}"
_DELIVERY_TIMEOUT_SECONDS = 15.0
_SECRETS_KEPT_SECONDS = 30.0
_secrets_lock = threading.Lock()
_secrets: dict[UUID, tuple[str, float]] = {}


def signing_secrets(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Each user's secret, at most 30 s old; at most one query."""
    now = time.monotonic()
    wanted = set(user_ids)
    with _secrets_lock:
        known = {user_id: _secrets[user_id] for user_id in wanted if user_id in _secrets}
    fresh = {user_id: secret for user_id, (secret, read_at) in known.items() if now - read_at < _SECRETS_KEPT_SECONDS}
    if missing := wanted - fresh.keys():
        read = dict(User.objects.filter(id__in=missing).values_list("id", "signing_secret"))
        with _secrets_lock:
            _secrets.update({user_id: (secret, now) for user_id, secret in read.items()})
        fresh |= read
    return fresh


def forget_secrets() -> None:
    with _secrets_lock:
        _secrets.clear()


def of_job(job: Claimed, *, schedule: Schedule | None, secret: str, now: datetime) -> tuple[Request, dict[str, Any]]:
    """The request of the job's current attempt, and what the log shows of it."""
    rendered = _rendered(job, schedule)
    url = targets.with_query(job.url, rendered.query, max_length=targets.MAX_SENT_LENGTH)
    body = None if rendered.body is None else payloads.encode(rendered.body)
    own = {
        "User-Agent": _USER_AGENT,
        "Booper-Job-Id": str(job.id),
        "Booper-Attempt": str(job.attempt),
        "Idempotency-Key": str(job.uuid),
    }
    if body is not None:
        own["Content-Type"] = "application/json"
    given = header_texts(rendered.headers)
    given_names = {name.lower() for name in given}
    headers = given | {name: value for name, value in own.items() if name.lower() not in given_names}
    shown = {"method": job.method, "url": job.url, "query": rendered.query, "headers": headers, "body": rendered.body}
    signed = _signed(headers, body or b"", secret=secret, message_id=str(job.uuid), now=now)
    request = Request(
        method=job.method.upper(),
        url=url,
        headers=tuple(signed.items()),
        body=body,
        timeout_seconds=job.timeout_seconds,
    )
    return request, shown


def _rendered(job: Claimed, schedule: Schedule | None) -> Rendered:
    if schedule is None and not job.may_have_references and not job.args.get("include_metadata"):
        args = job.args
        return Rendered(body=args.get("body"), query=args.get("query") or {}, headers=args.get("headers") or {})
    return rendered_args(job.args, job=described(job), schedule=schedule)


def described(job: AnyJob) -> dict[str, Any]:
    """What `$job` stands for."""
    return {
        "id": job.id,
        "uuid": str(job.uuid),
        "schedule_id": None if job.schedule_id is None else str(job.schedule_id),
        "name": job.name,
        "attempt": job.attempt,
        "scheduled_at": timestamp(job.occurrence_at or job.scheduled_at),
    }


def rendered_args(args: Mapping[str, Any], *, job: dict[str, Any], schedule: Schedule | None) -> Rendered:
    """The request with its dynamic fields filled in. A one-off job has no run before it and no state."""
    wants_metadata = args.get("include_metadata")
    is_repeated = schedule is not None
    return placeholders.render(
        body=args.get("body"),
        query=args.get("query") or {},
        headers=args.get("headers") or {},
        job=job,
        previous={} if schedule is None else schedule.previous,
        state={} if schedule is None else schedule.state,
        # A form body has it as text.
        include_metadata=is_repeated if wants_metadata is None else str(wants_metadata).lower() == "true",
    )


def header_texts(headers: Mapping[str, Any]) -> dict[str, str]:
    """What a reference stands for keeps its type, and a header has only text to show it with."""
    return {
        name: value if isinstance(value, str) else payloads.encode(value).decode() for name, value in headers.items()
    }


def of_delivery(delivery: Delivery, *, secret: str, now: datetime) -> Request:
    body = delivery.body.encode()
    headers = {"User-Agent": _USER_AGENT, "Content-Type": "application/json"}
    signed = _signed(headers, body, secret=secret, message_id=str(delivery.uuid), now=now)
    return Request(
        method="POST",
        url=delivery.url,
        headers=tuple(signed.items()),
        body=body,
        timeout_seconds=_DELIVERY_TIMEOUT_SECONDS,
    )


def _signed(headers: dict[str, str], body: bytes, *, secret: str, message_id: str, now: datetime) -> dict[str, str]:
    timestamp = int(now.timestamp())
    return headers | signatures.signed_headers(body, secret=secret, message_id=message_id, timestamp=timestamp)


def shown_response(outcome: Outcome) -> dict[str, Any] | None:
    """What log, callback and webhook show of a response."""
    if outcome.response is None:
        return None
    return {
        "status": outcome.response.status,
        "headers": shown_headers(outcome.response),
        "body": payloads.decode(outcome.response.body),
        "duration_ms": outcome.duration_ms,
        "truncated": outcome.response.truncated,
    }


def shown_headers(response: Response) -> dict[str, str]:
    """Repeated ones joined with a comma, under the first one's spelling."""
    shown: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, value in response.headers:
        key = spelling.setdefault(name.lower(), payloads.storable_text(name))
        text = payloads.storable_text(value)
        shown[key] = f"{shown[key]}, {text}" if key in shown else text
    return shown
