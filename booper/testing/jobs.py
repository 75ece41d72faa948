"""The jobs and schedules of a fake: made, changed, run when they are due."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from booper.content import signatures
from booper.testing import rows, timetable
from booper.testing.exchange import Handler, Reply, Request, reply_of
from booper.testing.refusals import absent, bad, conflict
from booper.testing.rows import ENDED, WAITING, Row
from booper.timing import durations
from booper.timing.timestamps import timestamp

_METHODS = ("get", "post", "put", "patch", "delete")
_RETRY_SECONDS = 15.0
_LONGEST_RETRY_SECONDS = 3600.0


class Jobs:
    """All jobs and schedules of one fake, oldest first, with what came of them."""

    def __init__(self, *, now: datetime, secret: str) -> None:
        self.now = now
        self.secret = secret
        self.jobs: list[Row] = []
        self.schedules: list[Row] = []
        self.logs: list[Row] = []
        self.deliveries: list[Row] = []
        self.requests: list[Request] = []
        self.handlers: dict[str, Handler] = {}
        self._due: dict[int, datetime] = {}
        self._anchors: dict[str, datetime] = {}

    # What clients do

    def create(self, fields: Mapping[str, Any]) -> tuple[Row, bool]:
        """The job, and whether it is new: of a key that is held the one that holds it. Raises Refused."""
        _require_request(fields)
        held = self._holder(fields.get("idempotency_key"))
        if held is not None:
            if fields.get("on_conflict") == "refuse":
                raise conflict(f"job {held['job_id']} holds this idempotency key")
            if fields.get("on_conflict") == "replace":
                self.change(held, fields)
            return {**held, "job": {**held["job"], "has_confict": True, "has_conflict": True}}, False
        if timetable.is_recurring(fields):
            return self.begin_schedule(fields, key=None)[1], True
        due = timetable.start(fields, now=self.now) or self.now
        return self._add(fields, due=due, schedule_id=None), True

    def _holder(self, key: Any) -> Row | None:
        holders = (row for row in self.jobs if row["job"]["state"] == "scheduled" and row["attempt"] == 0)
        return next((row for row in holders if key is not None and row["idempotency_key"] == key), None)

    def begin_schedule(self, fields: Mapping[str, Any], *, key: str | None) -> tuple[Row, Row]:
        """The new schedule and its upcoming job. Raises Refused."""
        first = timetable.start(fields, now=self.now)
        following = timetable.next_run(fields, after=self.now, anchor=first or self.now)
        if first is None:
            first = self.now if fields.get("cron") is None else following
        if first is None:
            raise bad("/cron", "it never matches")
        schedule = rows.schedule(fields, key=key, frequency=timetable.frequency(fields), now=self.now)
        self._anchors[schedule["id"]] = first
        self.schedules.append(schedule)
        return schedule, self._upcoming(schedule, first)

    def _upcoming(self, schedule: Row, at: datetime) -> Row:
        schedule["next_run_at"] = timestamp(at)
        return self._add(schedule["args"], due=at, schedule_id=schedule["id"])

    def _add(self, fields: Mapping[str, Any], *, due: datetime, schedule_id: str | None) -> Row:
        job_id = 1 + max((row["job_id"] for row in self.jobs), default=0)
        row = rows.job(fields, job_id=job_id, due=due, now=self.now, schedule_id=schedule_id)
        self._due[job_id] = due
        self.jobs.append(row)
        return row

    def change(self, job: Row, changes: Mapping[str, Any]) -> Row:
        """Raises Refused."""
        if job["job"]["state"] not in WAITING:
            raise conflict(f"job {job['job_id']} is {job['job']['state']}: it can't be changed any more")
        due = timetable.start(changes, now=self.now)
        job["args"] = {name: each for name, each in {**job["args"], **changes}.items() if each is not None}
        job |= {name: changes[name] for name in ("name", "description", "tags", "queue") if name in changes}
        if due is not None:
            self._set_due(job, due)
        return job

    def _set_due(self, job: Row, due: datetime) -> None:
        self._due[job["job_id"]] = due
        job["job"]["scheduled_at"] = timestamp(due)

    def cancel(self, job: Row, *, scope: str | None = None) -> Row:
        if job["job"]["state"] in ENDED:
            raise conflict(f"job {job['job_id']} is {job['job']['state']}: it can't be cancelled any more")
        schedule = self._schedule_of(job) if self._is_upcoming(job) else None
        self._end(job, "cancelled")
        if schedule is not None and scope == "run":
            self.go_on(schedule, after=datetime.fromisoformat(job["job"]["scheduled_at"]))
        elif schedule is not None:
            self.disable(schedule, reason="its upcoming run was cancelled")
        return job

    def run_now(self, job: Row) -> Row:
        if job["job"]["state"] not in WAITING:
            raise conflict(f"job {job['job_id']} is {job['job']['state']}: it can't be run now")
        self._set_due(job, self.now)
        return job

    def retry(self, job: Row) -> Row:
        if job["job"]["state"] not in ENDED:
            raise conflict(f"job {job['job_id']} is {job['job']['state']}: it has not ended")
        ends = dict.fromkeys(("completed_at", "cancelled_at", "discarded_at"))
        job["job"] |= {"state": "scheduled", **ends}
        job["max_attempts"] = max(job["max_attempts"], job["attempt"] + 1)
        self._set_due(job, self.now)
        return job

    def delete(self, job: Row) -> Row:
        if job["job"]["state"] not in ENDED:
            raise conflict(f"job {job['job_id']} has not ended: cancel it first")
        self.jobs.remove(job)
        self.logs = [row for row in self.logs if row["job_id"] != job["job_id"]]
        self.deliveries = [row for row in self.deliveries if row["job_id"] != job["job_id"]]
        return job

    # Schedules

    def _schedule_of(self, job: Row) -> Row | None:
        return next((row for row in self.schedules if row["id"] == job["schedule_id"]), None)

    def _is_upcoming(self, job: Row) -> bool:
        schedule = self._schedule_of(job)
        return schedule is not None and self.upcoming_of(schedule) is job

    def upcoming_of(self, schedule: Row) -> Row | None:
        waiting = (row for row in self.jobs if row["schedule_id"] == schedule["id"] and row["attempt"] == 0)
        at = schedule["next_run_at"]
        found = (row for row in waiting if row["job"]["state"] == "scheduled" and row["job"]["scheduled_at"] == at)
        return next(found, None)

    def go_on(self, schedule: Row, *, after: datetime) -> Row | None:
        """Makes the run that comes after that moment, if there is one."""
        schedule["next_run_at"] = None
        has_left = not schedule["max_runs"] or schedule["run_count"] < schedule["max_runs"]
        anchor = self._anchors[schedule["id"]]
        at = timetable.next_run(schedule["args"], after=after, anchor=anchor) if has_left else None
        if at is None:
            return self.disable(schedule, reason="no run is left") and None
        return self._upcoming(schedule, at)

    def disable(self, schedule: Row, *, reason: str | None) -> Row:
        upcoming = self.upcoming_of(schedule) if schedule["next_run_at"] else None
        if upcoming is not None:
            self._end(upcoming, "cancelled")
        schedule |= {"next_run_at": None, "disabled_at": timestamp(self.now), "disabled_reason": reason}
        return schedule

    def enable(self, schedule: Row) -> Row:
        if schedule["disabled_at"] is not None:
            schedule |= {"disabled_at": None, "disabled_reason": None, "previous": {}}
            self.go_on(schedule, after=self.now)
        return schedule

    def trigger(self, schedule: Row) -> Row:
        return self._add(schedule["args"], due=self.now, schedule_id=schedule["id"])

    # Time

    def run_until(self, end: datetime) -> list[Request]:
        """Runs all that is due until then, each at its own time; answers the requests that were sent."""
        begin = len(self.requests)
        while (job := self._next_due(end)) is not None:
            self.now = max(self.now, self._due[job["job_id"]])
            self._attempt(job)
        self.now = max(self.now, end)
        return self.requests[begin:]

    def _next_due(self, end: datetime) -> Row | None:
        due = [row for row in self.jobs if row["job"]["state"] in WAITING and self._due[row["job_id"]] <= end]
        return min(due, key=lambda row: (self._due[row["job_id"]], row["job_id"]), default=None)

    def _attempt(self, job: Row) -> None:
        schedule = self._schedule_of(job) if self._is_upcoming(job) else None
        job["attempt"] += 1
        job["job"] |= {"state": "executing", "attempted_at": timestamp(self.now)}
        if schedule is not None:
            schedule["run_count"] += 1
            self.go_on(schedule, after=self._due[job["job_id"]])
        self._note(job, "job.started", {"attempt": job["attempt"]})
        reply = self._send(job, job["args"], url=str(job["args"]["url"]))
        self._note(job, "worker.http.response", {"status": reply.status, "body": reply.body})
        if 200 <= reply.status < 300:
            self._finish(job, "completed", reply)
            return
        message = f"the target answered {reply.status}"
        job["error"] = {
            "code": "http_status",
            "message": message,
            "response_status": reply.status,
            "at": timestamp(self.now),
        }
        self._note(job, "job.error", {"code": "http_status", "message": message})
        if job["attempt"] >= job["max_attempts"] or reply.status == 410:
            self._finish(job, "discarded", reply)
            return
        job["job"]["state"] = "retryable"
        self._set_due(job, self.now + timedelta(seconds=_wait_seconds(job, reply)))

    def _finish(self, job: Row, state: str, reply: Reply) -> None:
        self._end(job, state)
        callback_url = job["args"].get("callback_url")
        if callback_url is None or job not in self.jobs:
            return
        data = {"id": job["id"], "job_id": job["job_id"], "schedule_id": job["schedule_id"], "name": job["name"]}
        asked = {"method": job["args"].get("method", "get"), "url": job["args"]["url"]}
        answered = {"status": reply.status, "headers": dict(reply.headers), "body": reply.body}
        data |= {"state": state, "attempt": job["attempt"], "tags": job["tags"], "request": asked}
        data |= {"response": {**answered, "duration_ms": 0, "truncated": False}, "error": job["error"]}
        body = {"type": "job.result", "timestamp": timestamp(self.now), "data": data}
        said = self._send(job, {"method": "post", "body": body}, url=str(callback_url))
        made = rows.delivery(job["job_id"], url=str(callback_url), body=body, status=said.status, now=self.now)
        self.deliveries.append(made)

    def _end(self, job: Row, state: str) -> None:
        job["job"] |= {"state": state, f"{state}_at": timestamp(self.now)}
        self._note(job, "job.cancelled" if state == "cancelled" else "job.finished", {"state": state})

    def _send(self, job: Row, asked: Mapping[str, Any], *, url: str) -> Reply:
        body = asked.get("body")
        content = b"" if body is None else json.dumps(body).encode()
        signed = signatures.signed_headers(
            content, secret=self.secret, message_id=job["id"], timestamp=int(self.now.timestamp())
        )
        own = {"Booper-Job-Id": str(job["job_id"]), "Booper-Attempt": str(job["attempt"])}
        headers = {"Content-Type": "application/json", "Idempotency-Key": job["id"], **(asked.get("headers") or {})}
        request = Request(
            method=str(asked.get("method") or "get").lower(),
            url=url,
            query=dict(asked.get("query") or {}),
            headers={**headers, **own, **signed},
            body=body,
            content=content,
            at=self.now,
            job_id=job["job_id"],
            attempt=job["attempt"],
        )
        self.requests.append(request)
        self._note(job, "worker.http.request", {"method": request.method, "url": url, "body": body})
        return reply_of(self._handler_of(url)(request))

    def _handler_of(self, url: str) -> Callable[[Request], Any]:
        fitting = [prefix for prefix in self.handlers if url.startswith(prefix)]
        return self.handlers[max(fitting, key=len)] if fitting else lambda _: {}

    def _note(self, job: Row, event: str, payload: Row) -> None:
        self.logs.append(rows.log(event, job_id=job["job_id"], payload=payload, now=self.now))


def _wait_seconds(job: Row, reply: Reply) -> float:
    """The wait before the next attempt: what the target asked for, the job's own, or longer each time."""
    asked = reply.headers.get("Retry-After")
    if asked is not None and asked.isdecimal():
        return max(1.0, float(asked))
    backoff = job["args"].get("backoff")
    if backoff:
        own = durations.parse(backoff[min(job["attempt"], len(backoff)) - 1])
        return max(1.0, own.nominal_seconds)
    longest = min(_LONGEST_RETRY_SECONDS, _RETRY_SECONDS * 2 ** (job["attempt"] - 1))
    return random.uniform(longest / 2, longest)


def _require_request(fields: Mapping[str, Any]) -> None:
    url = fields.get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise bad("/url", f"{url!r} is not an absolute URL: begin it with https:// and a host")
    if str(fields.get("method") or "get").lower() not in _METHODS:
        raise bad("/method", f"{fields.get('method')!r} is not one of {', '.join(_METHODS)}")


def of_id(found: list[Row], identity: str, *, what: str) -> Row:
    """One row by any of its ids. Raises Refused."""
    for row in found:
        if identity in {str(row.get(name)) for name in ("id", "job_id", "key", "name") if row.get(name) is not None}:
            return row
    raise absent(f"{what} {identity!r} of yours")
