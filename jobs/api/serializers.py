"""Rows as the API shows them: plain values, times in RFC 3339 with Z."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

from booper.content import exact_json, redaction
from booper.timing import durations, recurrence
from booper.timing.timestamps import timestamp
from jobs.actions.batch import NewJob
from jobs.alerting import messages
from jobs.explaining.family import Following
from jobs.guarding.signing import SigningSecret
from jobs.models import (
    Alert,
    AlertIncident,
    AlertLetter,
    ApiKey,
    Calendar,
    Delivery,
    DeliveryKind,
    DeliveryState,
    InboxRequest,
    Job,
    LogEvent,
    Queue,
    Receiver,
    Schedule,
    Secret,
    tags,
)
from jobs.models.alert import DEFAULT_MUTE


def job(row: Job | NewJob, *, now: datetime, has_conflict: bool = False) -> dict[str, Any]:
    """`now` decides between scheduled and available."""
    inserted_at = timestamp(row.inserted_at)
    return {
        "id": str(row.uuid),
        "job_id": row.id,
        "user_id": str(row.user_id),
        "schedule_id": None if row.schedule_id is None else str(row.schedule_id),
        "name": row.name,
        "description": row.description,
        "idempotency_key": row.idempotency_key,
        "inserted_at": inserted_at,
        "job": {
            "id": row.id,
            "state": row.state_at(now),
            "inserted_at": inserted_at,
            "scheduled_at": timestamp(row.scheduled_at),
            "attempted_at": _timestamp(row.attempted_at),
            "completed_at": _timestamp(row.completed_at),
            "cancelled_at": _timestamp(row.cancelled_at),
            "discarded_at": _timestamp(row.discarded_at),
            # Misspelt by the API that clients were written for.
            "has_confict": has_conflict,
            "has_conflict": has_conflict,
        },
        "parent_id": None if row.parent_uuid is None else str(row.parent_uuid),
        "tags": tags.listed(row.tags),
        "queue": row.args.get("queue"),
        "attempt": row.attempt,
        "max_attempts": row.max_attempts,
        "expires_at": _timestamp(row.expires_at),
        "error": _job_error(row),
        "args": row.args,
    }


def _job_error(row: Job | NewJob) -> dict[str, Any] | None:
    """What its latest failed attempt came to."""
    if row.error_code is None:
        return None
    return {
        "code": row.error_code,
        "message": row.error_message,
        "response_status": row.error_status,
        "at": _timestamp(row.error_at),
    }


def relative(row: Job, *, now: datetime) -> dict[str, Any]:
    """A job that another one follows, or that follows it, in short."""
    return {
        "id": str(row.uuid),
        "job_id": row.id,
        "state": row.state_at(now),
        "method": row.method,
        "url": redaction.redacted_url(row.url),
        "name": row.name,
    }


def following(each: Following) -> dict[str, Any]:
    return asdict(each)


def schedule(row: Schedule, *, next_run_at: datetime | None) -> dict[str, Any]:
    """`next_run_at` is when its upcoming run is due, None if it has none."""
    return {
        "id": str(row.id),
        "key": row.key,
        "managed_by": row.managed_by,
        "name": row.name,
        "description": row.description,
        "inserted_at": timestamp(row.inserted_at),
        "disabled_at": _timestamp(row.disabled_at),
        "disabled_reason": row.disabled_reason,
        "user_id": str(row.user_id),
        "frequency": row.frequency,
        "timezone": row.timezone,
        "starts_at": _timestamp(row.starts_at),
        "ends_at": _timestamp(row.ends_at),
        "max_runs": row.max_runs,
        "run_count": row.run_count,
        "next_run_at": _timestamp(next_run_at),
        "overlap": row.overlap,
        "catch_up": row.catch_up,
        "include_metadata": row.include_metadata,
        "disable_after": row.disable_after,
        "jitter": None if row.jitter_seconds is None else row.args.get("jitter"),
        "skip_on": row.skip_on,
        "only_on": row.only_on,
        "state": row.state,
        "previous": row.previous,
        "args": row.args,
    }


def run(row: recurrence.Run, *, zone: tzinfo) -> dict[str, Any]:
    """A run to come: the moment in UTC, and what clocks in `zone` show then."""
    return {"at": timestamp(row.at), "local": row.at.astimezone(zone).isoformat(), "note": row.note}


def queue(row: Queue, *, waiting: int, running: int) -> dict[str, Any]:
    """`waiting` and `running` are how many of its jobs do."""
    rate = None
    if row.rate_limit is not None and row.rate_seconds is not None:
        rate = {"limit": row.rate_limit, "period": durations.period(row.rate_seconds)}
    return {
        "name": row.name,
        "inserted_at": timestamp(row.inserted_at),
        "concurrency": row.concurrency,
        "rate": rate,
        "paused": row.paused_at is not None,
        "waiting": waiting,
        "running": running,
    }


def calendar(row: Calendar, *, used_by: Sequence[str], now: datetime) -> dict[str, Any]:
    """Without the text of its `ics`. `used_by` has the schedules that name it."""
    days = row.listed_days
    return {
        "name": row.name,
        "inserted_at": timestamp(row.inserted_at),
        "updated_at": timestamp(row.updated_at),
        "dates": row.dates,
        "country": row.country,
        "subdivision": row.subdivision,
        "day_count": days.count,
        "next_days": [day.isoformat() for day in days.first_from(now.date(), count=10)],
        "used_by": list(used_by),
    }


def log_event(row: LogEvent) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "event": row.event,
        "inserted_at": timestamp(row.inserted_at),
        "job_id": row.job_id,
        "user_id": str(row.user_id),
        "payload": row.payload,
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """Shows a delivery without its body, which may be long."""
    return {
        "id": str(row.uuid),
        "job_id": row.job_id,
        "user_id": str(row.user_id),
        "kind": row.kind,
        "event": row.event,
        "sequence": row.sequence,
        "url": row.url,
        "state": row.state,
        "attempt": row.attempt,
        "inserted_at": timestamp(row.inserted_at),
        "next_attempt_at": timestamp(row.due_at) if row.state == DeliveryState.PENDING else None,
        "attempted_at": _timestamp(row.attempted_at),
        "delivered_at": _timestamp(row.delivered_at),
        "failed_at": _timestamp(row.failed_at),
        "resent_at": _timestamp(row.resent_at),
        "response_status": row.response_status,
        "error": _error(row.error_code, row.error_message),
    }


def delivery_with_body(row: Delivery) -> dict[str, Any]:
    return {**delivery(row), "body": exact_json.loads(row.body)}


def receiver(row: Receiver) -> dict[str, Any]:
    state = "working" if row.failing_since is None else "failing" if row.disabled_at is None else "off"
    return {
        "id": str(row.id),
        "user_id": str(row.user_id),
        "origin": row.origin,
        "state": state,
        "failing_since": _timestamp(row.failing_since),
        "disabled_at": _timestamp(row.disabled_at),
        "last_failed_at": timestamp(row.last_failed_at),
        "response_status": row.response_status,
        "error": _error(row.error_code, row.error_message),
    }


def alert(row: Alert, *, firing: int) -> dict[str, Any]:
    """`firing` is how many of its incidents are open."""
    return {
        "id": str(row.id),
        "user_id": str(row.user_id),
        "name": row.name,
        "when": row.when,
        "of": row.of,
        "to": row.to,
        "mute_for": row.mute_for or DEFAULT_MUTE,
        "inserted_at": timestamp(row.inserted_at),
        "updated_at": timestamp(row.updated_at),
        "firing": firing,
    }


def incident(row: AlertIncident, *, told: Sequence[Delivery], letters: Sequence[AlertLetter]) -> dict[str, Any]:
    """`told` and `letters` are what was sent of it, the newest first."""
    return {
        "id": str(row.id),
        "alert_id": str(row.alert_id),
        "state": "firing" if row.until is None else "resolved",
        "test": row.is_test,
        "subject": messages.shown_subject(row.subject),
        "since": timestamp(row.since),
        "until": _timestamp(row.until),
        "told_at": timestamp(row.told_at),
        "summary": row.fired["summary"],
        "resolved_by": None if row.resolved is None else row.resolved["summary"],
        "job": row.fired["job"],
        "deliveries": [*(delivery(each) for each in told), *(letter(each) for each in letters)],
    }


def letter(row: AlertLetter) -> dict[str, Any]:
    """Shows a mail as a delivery is shown."""
    is_pending = row.state == DeliveryState.PENDING
    return {
        "id": str(row.id),
        "job_id": None,
        "user_id": str(row.user_id),
        "kind": DeliveryKind.ALERT.value,
        "event": row.event,
        "sequence": None,
        "url": row.url,
        "state": row.state,
        "attempt": row.attempt,
        "inserted_at": timestamp(row.inserted_at),
        "next_attempt_at": timestamp(row.due_at) if is_pending else None,
        "attempted_at": _timestamp(row.attempted_at),
        "delivered_at": _timestamp(row.delivered_at),
        "failed_at": _timestamp(row.failed_at),
        "resent_at": None,
        "response_status": None,
        "error": _error(row.error_code, row.error_message),
    }


def api_key(row: ApiKey) -> dict[str, Any]:
    """Never the key itself, of which only a hash is kept."""
    return {
        "id": str(row.uuid),
        "name": row.name,
        "scope": row.scope,
        "hint": row.last_four or None,
        "inserted_at": timestamp(row.created_at),
        "expires_at": _timestamp(row.expires_at),
        "last_used_at": _timestamp(row.last_used_at),
        "revoked_at": _timestamp(row.revoked_at),
    }


def secret(row: Secret, *, used_by: Mapping[str, list[Any]] | None) -> dict[str, Any]:
    """Never its value. `used_by` has the schedules and waiting jobs that refer to it."""
    used = used_by or {"schedules": [], "jobs": []}
    return {
        "name": row.name,
        "hosts": row.hosts,
        "inserted_at": timestamp(row.inserted_at),
        "updated_at": timestamp(row.updated_at),
        "used_by": {"schedules": [str(each) for each in used["schedules"]], "jobs": used["jobs"]},
    }


def limit(name: str, *, allowed: int, used: int | None, resets_at: datetime | None = None) -> dict[str, Any]:
    """`allowed` is null where there is no limit, `used` where each worker counts by itself."""
    return {"name": name, "allowed": allowed or None, "used": used, "resets_at": _timestamp(resets_at)}


def inbox_request(row: InboxRequest) -> dict[str, Any]:
    body = bytes(row.body)
    return {
        "id": str(row.id),
        "inserted_at": timestamp(row.inserted_at),
        "method": row.method,
        "path": row.path,
        "query": row.query,
        "headers": row.head.get("headers", {}),
        "body": body.decode("utf-8", "replace"),
        "body_base64": base64.b64encode(body).decode(),
        "truncated": row.is_truncated,
        "address": row.address,
    }


def signing_secrets(in_force: Sequence[SigningSecret]) -> dict[str, Any]:
    """The newest first; of each the last four characters, to tell one from another."""
    shown = [
        {"hint": each.secret[-4:], "inserted_at": timestamp(each.made_at), "until": _timestamp(each.until)}
        for each in in_force
    ]
    return {"inserted_at": shown[0]["inserted_at"], "in_force": shown}


def _error(code: str | None, message: str | None) -> dict[str, Any] | None:
    return None if code is None else {"code": code, "message": message}


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)
