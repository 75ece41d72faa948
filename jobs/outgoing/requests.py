"""The exact requests that go out: a job's own, and those of its callbacks and webhooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import booper
from booper.content import body_formats, codings, exact_json, payloads, placeholders, signatures
from booper.content.placeholders import Rendered
from booper.outcomes.outcome import Request
from booper.targets import urls
from booper.timing.timestamps import timestamp
from jobs.database.claimed_delivery import AnyDelivery
from jobs.database.claimed_job import AnyJob, Claimed
from jobs.models import Schedule

_USER_AGENT = f"Booper/{booper.__version__}"
_DELIVERY_TIMEOUT_SECONDS = 15.0


def of_job(
    job: Claimed, *, schedule: Schedule | None, secrets: Sequence[str], now: datetime
) -> tuple[Request, dict[str, Any]]:
    """The request of the job's current attempt, signed with each of `secrets`, and what the log shows of it."""
    rendered = rendered_args(job.args, job=lambda: described(job), schedule=schedule, parent_answer=job.parent_answer)
    message_id = str(job.uuid)
    url = urls.with_query(job.url, rendered.query, max_length=urls.MAX_SENT_LENGTH)
    body_format = body_formats.of(job.args)
    body = None if rendered.body is None else body_formats.encode(rendered.body, body_format)
    own = {
        "User-Agent": _USER_AGENT,
        # Some firewalls refuse a request that accepts nothing.
        "Accept": "*/*",
        "Accept-Encoding": codings.OFFERED,
        "Booper-Job-Id": str(job.id),
        "Booper-Attempt": str(job.attempt),
        "Idempotency-Key": message_id,
    }
    if body is not None:
        own["Content-Type"] = body_formats.CONTENT_TYPES[body_format]
    given = header_texts(rendered.headers)
    given_names = {name.lower() for name in given}
    headers = given | {name: value for name, value in own.items() if name.lower() not in given_names}
    shown = {"method": job.method, "url": job.url, "query": rendered.query, "headers": headers, "body": rendered.body}
    signed = _signed(headers, body or b"", secrets=secrets, message_id=message_id, now=now)
    request = Request(
        method=job.method.upper(),
        url=url,
        headers=tuple(signed.items()),
        body=body,
        timeout_seconds=job.timeout_seconds,
        owner=job.user_id,
    )
    return request, shown


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


def rendered_args(
    args: Mapping[str, Any],
    *,
    job: Callable[[], dict[str, Any]],
    schedule: Schedule | None,
    parent_answer: str | None = None,
) -> Rendered:
    """The request with its dynamic fields filled in, where there is something that they could refer to.

    A job that stands alone has no run before it and no state: its strings are sent as they are, unless it asks for the
    metadata. `parent_answer` is the JSON text of what the job before answered, if this one follows another.
    """
    wants_metadata = args.get("include_metadata")
    is_repeated = schedule is not None
    # A form body has it as text.
    include_metadata = is_repeated if wants_metadata is None else str(wants_metadata).lower() == "true"
    body, query, headers = args.get("body"), args.get("query") or {}, args.get("headers") or {}
    if not is_repeated and parent_answer is None and not include_metadata:
        return Rendered(body=body, query=query, headers=headers)
    body_format = body_formats.of(args)
    has_references = body_format in body_formats.WITH_REFERENCES
    rendered = placeholders.render(
        body=body if has_references else None,
        query=query,
        headers=headers,
        job=job(),
        previous=_previous(schedule, parent_answer),
        state={} if schedule is None else schedule.state,
        include_metadata=include_metadata and body_format == body_formats.JSON,
    )
    return rendered if has_references else replace(rendered, body=body)


def _previous(schedule: Schedule | None, parent_answer: str | None) -> Any:
    if schedule is not None:
        return schedule.previous
    return {} if parent_answer is None else exact_json.loads(parent_answer)


def header_texts(headers: Mapping[str, Any]) -> dict[str, str]:
    """What a reference stands for keeps its type, and a header has only text to show it with."""
    return {
        name: value if isinstance(value, str) else payloads.encode(value).decode() for name, value in headers.items()
    }


def of_delivery(delivery: AnyDelivery, *, secrets: Sequence[str], now: datetime) -> Request:
    body = delivery.body.encode()
    headers = {"User-Agent": _USER_AGENT, "Accept": "*/*", "Content-Type": "application/json"}
    signed = _signed(headers, body, secrets=secrets, message_id=str(delivery.uuid), now=now)
    return Request(
        method="POST",
        url=delivery.url,
        headers=tuple(signed.items()),
        body=body,
        timeout_seconds=_DELIVERY_TIMEOUT_SECONDS,
        owner=delivery.user_id,
    )


def _signed(
    headers: dict[str, str], body: bytes, *, secrets: Sequence[str], message_id: str, now: datetime
) -> dict[str, str]:
    timestamp = int(now.timestamp())
    return headers | signatures.signed_headers(body, secret=secrets, message_id=message_id, timestamp=timestamp)
