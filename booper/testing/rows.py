"""The rows of a fake, as the API answers them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from booper.timing.timestamps import timestamp

Row = dict[str, Any]
USER_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "http://booper.test"))
ENDED = frozenset({"completed", "discarded", "cancelled"})
WAITING = frozenset({"scheduled", "available", "retryable"})
# Those of a job that its row has beside `args`.
_OF_JOB = ("name", "description", "idempotency_key", "queue")


def job(fields: Mapping[str, Any], *, job_id: int, due: datetime, now: datetime, schedule_id: str | None) -> Row:
    at = timestamp(now)
    status = {
        "id": job_id,
        "state": "scheduled",
        "inserted_at": at,
        "scheduled_at": timestamp(due),
        **dict.fromkeys(("attempted_at", "completed_at", "cancelled_at", "discarded_at")),
        "has_confict": False,
        "has_conflict": False,
    }
    return {
        "id": str(uuid.uuid4()),
        "job_id": job_id,
        "user_id": USER_ID,
        "schedule_id": schedule_id,
        **{name: fields.get(name) for name in _OF_JOB},
        "inserted_at": at,
        "job": status,
        "expires_at": None,
        "parent_id": None,
        "tags": list(fields.get("tags") or []),
        "attempt": 0,
        "max_attempts": int(fields.get("max_attempts") or 5),
        "error": None,
        "args": dict(fields),
    }


def schedule(fields: Mapping[str, Any], *, key: str | None, frequency: Row | None, now: datetime) -> Row:
    given = ("name", "description", "managed_by", "starts_at", "ends_at", "max_runs", "include_metadata")
    more = ("disable_after", "jitter", "skip_on", "only_on")
    return {
        "id": str(uuid.uuid4()),
        "key": key,
        **{name: fields.get(name) for name in (*given, *more)},
        "inserted_at": timestamp(now),
        "disabled_at": None,
        "disabled_reason": None,
        "user_id": USER_ID,
        "frequency": frequency,
        "timezone": fields.get("timezone") or "UTC",
        "run_count": 0,
        "next_run_at": None,
        "overlap": fields.get("overlap") or "allow",
        "catch_up": fields.get("catch_up") or "latest",
        "state": {},
        "previous": {},
        "args": dict(fields),
    }


def log(event: str, *, job_id: int, payload: Row, now: datetime) -> Row:
    return {
        "id": str(uuid.uuid4()),
        "event": event,
        "inserted_at": timestamp(now),
        "job_id": job_id,
        "user_id": USER_ID,
        "payload": payload,
    }


def delivery(job_id: int, *, url: str, body: Row, status: int, now: datetime) -> Row:
    is_delivered, at = 200 <= status < 300, timestamp(now)
    return {
        "id": str(uuid.uuid4()),
        "job_id": job_id,
        "user_id": USER_ID,
        "kind": "callback",
        "event": "job.result",
        "sequence": None,
        "url": url,
        "state": "delivered" if is_delivered else "failed",
        "attempt": 1,
        "inserted_at": at,
        "next_attempt_at": None,
        "attempted_at": at,
        "delivered_at": at if is_delivered else None,
        "failed_at": None if is_delivered else at,
        "resent_at": None,
        "response_status": status,
        "error": None if is_delivered else {"code": "http_status", "message": f"the receiver answered {status}"},
        "body": body,
    }


def listed(rows: Iterable[Row], query: Mapping[str, str]) -> Row:
    """A page of the rows, which are given oldest first, as the API lists them: newest first, by filters."""
    found = [row for row in rows if _fits(row, query)]
    if not query.get("order_by", "").endswith("asc"):
        found.reverse()
    begin = int(query.get("cursor") or query.get("offset") or 0)
    end = begin + int(query.get("limit") or 10)
    page: Row = {"data": found[begin:end]}
    return page | ({"cursor": str(end) if end < len(found) else None} if "cursor" in query else {})


_NO_FILTERS = frozenset({"limit", "offset", "cursor", "order_by", "all", "dry_run"})


def _fits(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether all filters leave the row: by a field of its own, of its `job`, or of what was sent for it."""
    for name, wanted in query.items():
        if name in _NO_FILTERS:
            continue
        if name == "tag":
            if not set(wanted.split(",")) <= set(row.get("tags") or ()):
                return False
            continue
        within = row.get("job") if name == "state" and isinstance(row.get("job"), dict) else row
        value = (within or {}).get(name, (row.get("args") or {}).get(name))
        value = value.get("code") if isinstance(value, dict) else value
        if str(value) not in wanted.split(",") and str(value) != wanted:
            return False
    return True
