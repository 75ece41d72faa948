"""The server of a fake: each call of the API, answered from what is in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from booper import __version__
from booper.content.signatures import new_secret
from booper.testing import rows, timetable
from booper.testing.exchange import Request
from booper.testing.jobs import Jobs, of_id
from booper.testing.refusals import Refused, absent, bad
from booper.testing.rows import ENDED, WAITING, Row
from booper.timing import durations
from booper.timing.timestamps import timestamp

_Query = Mapping[str, str]
_Answered = tuple[int, Any]
_ALONE: Row = {"parent": None, "children": [], "follows": []}
# What is done to many: to those in these states, called so in the answer.
_ON_MANY = {
    "cancel": ("cancelled", WAITING),
    "retry": ("retried", frozenset({"discarded"})),
    "run": ("run", WAITING),
    "delete": ("deleted", ENDED),
}


class Server(Jobs):
    """Answers calls of the client by (method, the steps of the path below /api)."""

    def __init__(self, *, now: datetime, secret: str) -> None:
        super().__init__(now=now, secret=secret)
        self._kept: dict[str, list[Row]] = {}
        self._secrets = [secret]
        self._inbox_token = uuid.uuid4().hex

    def run_due(self) -> list[Request]:
        return self.run_until(self.now)

    def answer(self, method: str, steps: list[str], *, query: _Query, body: Any) -> _Answered:
        """The status and the JSON of the answer, a refusal's too."""
        nouns: Mapping[str, Callable[[str, list[str], _Query, Any], _Answered]] = {
            "jobs": self._jobs_call,
            "schedules": self._schedules_call,
            "signing-secret": self._signing_call,
            "inbox": self._inbox_call,
        }
        try:
            if steps[0] in {"ping", "version", "limits", "preview"}:
                return self._plain_call(steps[0], body)
            if steps[0] in {"logs", "deliveries"}:
                return self._read_call(method, steps, query)
            call = nouns.get(steps[0])
            return self._kept_call(method, steps, query, body) if call is None else call(method, steps[1:], query, body)
        except Refused as refusal:
            return refusal.status, refusal.problem

    # Jobs

    def _jobs_call(self, method: str, steps: list[str], query: _Query, body: Any) -> _Answered:
        if not steps:
            return self._create(body) if method == "POST" else (200, rows.listed(self._shown(self.jobs), query))
        if method == "POST" and steps == ["batch"]:
            return 201, {"data": [self._taken(each) for each in body["jobs"]]}
        if method == "POST" and len(steps) == 1:
            return 200, {"data": self._many(steps[0], query)}
        job = of_id(self.jobs, steps[0], what="job")
        if steps[1:] == ["timeline"]:
            return 200, {"data": self._timeline(job)}
        done = self._one(method, job, steps[1:], query, body)
        return 200, {"data": self._shown([done])[0]}

    def _one(self, method: str, job: Row, steps: list[str], query: _Query, body: Any) -> Row:
        match (method, *steps):
            case ("PATCH",):
                return self.change(job, body)
            case ("DELETE",):
                return self.delete(job)
            case ("POST", "cancel"):
                return self.cancel(job, scope=query.get("scope"))
            case ("POST", "run"):
                return self.run_now(job)
            case ("POST", "retry"):
                return self.retry(job)
        return job

    def _create(self, body: Mapping[str, Any]) -> _Answered:
        job, is_new = self.create(body)
        return 201 if is_new else 200, {"data": self._shown([job])[0]}

    def _taken(self, fields: Mapping[str, Any]) -> Row:
        try:
            return self._shown([self.create(fields)[0]])[0]
        except Refused as refusal:
            return {"error": refusal.problem}

    def _shown(self, found: list[Row]) -> list[Row]:
        """A job that is due reads as available."""
        now = timestamp(self.now)
        return [
            {**row, "job": {**row["job"], "state": "available"}}
            if row["job"]["state"] == "scheduled" and row["job"]["scheduled_at"] <= now
            else row
            for row in found
        ]

    def _many(self, verb: str, query: _Query) -> Row:
        if verb not in _ON_MANY:
            raise absent(f"call {verb!r}")
        done, states = _ON_MANY[verb]
        named = frozenset(query["state"].split(",")) if "state" in query else states
        listed = rows.listed(self._shown(self.jobs), {**query, "limit": str(len(self.jobs) + 1), "cursor": ""})["data"]
        ids = {row["job_id"] for row in listed if row["job"]["state"] in named}
        matching = [row for row in self.jobs if row["job_id"] in ids]
        if query.get("dry_run") == "true":
            return {"matched": len(matching)}
        do: Mapping[str, Callable[[Row], Row]] = {
            "cancel": self.cancel,
            "retry": self.retry,
            "run": self.run_now,
            "delete": self.delete,
        }
        for job in matching:
            do[verb](job)
        return {"matched": len(matching), done: len(matching)}

    def _timeline(self, job: Row) -> Row:
        entries = [
            {
                "at": row["inserted_at"],
                "type": "log",
                "name": row["event"],
                "text": row["event"],
                "attempt": None,
                "seconds": None,
                "payload": row["payload"],
            }
            for row in self.logs
            if row["job_id"] == job["job_id"]
        ]
        state = self._shown([job])[0]["job"]["state"]
        reason = {"code": "on_time", "message": "it is a fake's", "until": None}
        story = {"id": job["id"], "job_id": job["job_id"], "state": state, "reason": reason, "late_seconds": 0.0}
        return {**story, "seconds_in_states": {}, **_ALONE, "is_complete": True, "entries": entries}

    # Schedules

    def _schedules_call(self, method: str, steps: list[str], query: _Query, body: Any) -> _Answered:
        if not steps:
            return 200, rows.listed(self.schedules, query)
        if method == "PUT":
            return self._put_schedule(steps[0], body)
        schedule = of_id(self.schedules, steps[0], what="schedule")
        match (method, *steps[1:]):
            case ("DELETE",):
                self.disable(schedule, reason="deleted")
                self.schedules.remove(schedule)
            case ("PATCH",):
                self._replace(schedule, {**schedule["args"], **body})
            case ("POST", "enable"):
                self.enable(schedule)
            case ("POST", "disable"):
                self.disable(schedule, reason=(body or {}).get("reason"))
            case ("POST", "trigger"):
                return 201, {"data": self._shown([self.trigger(schedule)])[0]}
            case ("POST", "skip"):
                self._skip(schedule, (body or {}).get("until"))
            case ("POST", "backfill"):
                return self._backfill(schedule, body)
        return 200, {"data": schedule}

    def _put_schedule(self, key: str, fields: Mapping[str, Any]) -> _Answered:
        found = [row for row in self.schedules if row["key"] == key]
        if not found:
            return 201, {"data": self.begin_schedule(fields, key=key)[0]}
        self._replace(found[0], fields)
        return 200, {"data": found[0]}

    def _replace(self, schedule: Row, fields: Mapping[str, Any]) -> None:
        if schedule["args"] == fields:
            return
        new = rows.schedule(fields, key=schedule["key"], frequency=timetable.frequency(fields), now=self.now)
        kept = ("id", "inserted_at", "disabled_at", "disabled_reason", "run_count", "state", "previous")
        is_disabled, reason = schedule["disabled_at"] is not None, schedule["disabled_reason"]
        self.disable(schedule, reason=reason)
        schedule |= new | {name: schedule[name] for name in kept}
        if not is_disabled:
            self.enable(schedule)

    def _skip(self, schedule: Row, until: Any) -> None:
        upcoming = self.upcoming_of(schedule) if schedule["next_run_at"] else None
        if upcoming is None:
            return
        if until is None:
            self.cancel(upcoming, scope="run")
            return
        moment = durations.parse_moment(until, now=self.now, zone=timetable.zone_of(schedule["args"]))
        while schedule["next_run_at"] and schedule["next_run_at"] < timestamp(moment):
            waiting = self.upcoming_of(schedule)
            assert waiting is not None
            self.cancel(waiting, scope="run")

    def _backfill(self, schedule: Row, span: Mapping[str, Any]) -> _Answered:
        fields, zone = schedule["args"], timetable.zone_of(schedule["args"])
        first, last = (timetable.read(span, name, self._moment) for name in ("from", "to"))
        if first is None or last is None:
            raise bad("/from" if first is None else "/to", "it is required")
        anchor = timetable.on_grid_before(fields, first, anchor=self._anchors[schedule["id"]])
        runs: list[datetime] = []
        at = timetable.next_run(fields, after=first - timedelta(microseconds=1), anchor=anchor)
        while at is not None and at <= last and len(runs) < int(span.get("max_runs") or 1000):
            runs.append(at)
            at = timetable.next_run(fields, after=at, anchor=anchor)
        if span.get("dry_run"):
            local = [each.astimezone(zone).isoformat() for each in runs]
            shown = zip(runs, local, strict=True)
            return 200, {"data": [{"at": timestamp(each), "local": there, "note": None} for each, there in shown]}
        return 201, {"data": [self.trigger(schedule) for _ in runs]}

    def _moment(self, value: Any) -> datetime:
        return durations.parse_moment(value, now=self.now)

    # The others

    def _plain_call(self, noun: str, body: Any) -> _Answered:
        if noun == "ping":
            return 200, {"message": "Pong"}
        if noun == "version":
            return 200, {"data": {"version": __version__, "api": "1"}}
        if noun == "limits":
            waiting = sum(1 for row in self.jobs if row["job"]["state"] in WAITING)
            return 200, {"data": [{"name": "waiting_jobs", "allowed": None, "used": waiting, "resets_at": None}]}
        zone = timetable.zone_of(body)
        runs: list[Row] = []
        at = timetable.start(body, now=self.now) or (None if body.get("cron") else self.now)
        at = at or timetable.next_run(body, after=self.now, anchor=self.now)
        anchor = at or self.now
        while at is not None and len(runs) < (int(body.get("count") or 5) if timetable.is_recurring(body) else 1):
            runs.append({"at": timestamp(at), "local": at.astimezone(zone).isoformat(), "note": None})
            at = timetable.next_run(body, after=at, anchor=anchor) if timetable.is_recurring(body) else None
        said = {"description": timetable.words(body), "frequency": timetable.frequency(body), "timezone": str(zone)}
        return 200, {"data": {**said, "runs": runs, "skipped": [], "request": None, "follows": []}}

    def _read_call(self, method: str, steps: list[str], query: _Query) -> _Answered:
        found = self.logs if steps[0] == "logs" else self.deliveries
        if len(steps) == 1:
            return 200, rows.listed(found, query)
        if method == "POST" and steps[1:] == ["resend"]:
            count = sum(1 for row in found if row["state"] in query.get("state", "failed").split(","))
            return 200, {"data": {"matched": count, "resent": 0 if query.get("dry_run") else count}}
        return 200, {"data": of_id(found, steps[1], what=steps[0])}

    def _signing_call(self, method: str, steps: list[str], query: _Query, body: Any) -> _Answered:
        if method == "POST":
            self.secret = new_secret()
            self._secrets.append(self.secret)
        at = timestamp(self.now)
        shown: Row = {"inserted_at": at, "in_force": [{"hint": self.secret[-4:], "inserted_at": at, "until": None}]}
        return (201, {"data": {**shown, "secret": self.secret}}) if method == "POST" else (200, {"data": shown})

    def _inbox_call(self, method: str, steps: list[str], query: _Query, body: Any) -> _Answered:
        if steps in (["rotate"], ["address"]):
            if method == "POST":
                self._inbox_token = uuid.uuid4().hex
            return 201 if method == "POST" else 200, {"data": {"address": f"http://booper.test/in/{self._inbox_token}"}}
        if steps:
            raise absent(f"request {steps[0]!r} in your inbox")
        return 200, {"data": {"deleted": 0}} if method == "DELETE" else rows.listed([], query)

    def _kept_call(self, method: str, steps: list[str], query: _Query, body: Any) -> _Answered:
        """Nouns that are only kept: queues, calendars, secrets, keys, receivers, and whatever comes after them."""
        noun, kept, at = steps[0], self._kept.setdefault(steps[0], []), timestamp(self.now)
        if len(steps) == 1 and method == "GET":
            return 200, rows.listed(kept, query)
        if method == "PUT":
            old = [row for row in kept if row["name"] == steps[1]]
            row = {"id": str(uuid.uuid4()), "name": steps[1], "inserted_at": at, **_OF_NOUN.get(noun, {}), **body}
            row.pop("value", None)
            self._kept[noun] = [each for each in kept if each not in old] + [row | {"updated_at": at}]
            return 200 if old else 201, {"data": self._kept[noun][-1]}
        if len(steps) == 1:
            row = {"id": str(uuid.uuid4()), "inserted_at": at, **_OF_NOUN.get(noun, {}), **(body or {})}
            if noun == "alerts":
                row["updated_at"] = at
            kept.append(row)
            return 201, {"data": row | ({"key": f"sk_{uuid.uuid4().hex}"} if noun == "keys" else {})}
        row = of_id(kept, steps[1], what=noun.removesuffix("s"))
        if noun == "alerts":
            return self._alert_call(method, row, steps[2:], query, body)
        if method == "DELETE":
            kept.remove(row)
        return 200, {"data": row | ({"key": f"sk_{uuid.uuid4().hex}"} if steps[2:] == ["rotate"] else {})}

    def _alert_call(self, method: str, row: Row, verb: list[str], query: _Query, body: Any) -> _Answered:
        """One alert, which never fires here."""
        at = timestamp(self.now)
        if verb == ["incidents"]:
            return 200, rows.listed([], query)
        if verb == ["test"]:
            incident = {"id": str(uuid.uuid4()), "alert_id": row["id"], "since": at, "told_at": at, **_TEST_OF_ALERT}
            return 202, {"data": incident}
        if method == "DELETE":
            self._kept["alerts"].remove(row)
        elif method == "PATCH":
            row.update(body, updated_at=at)
        return 200, {"data": row}


_TEST_OF_ALERT: Row = {
    "state": "firing",
    "test": True,
    "subject": {"kind": "all", "value": None},
    "until": None,
    "summary": "a test",
    "resolved_by": None,
    "job": None,
    "deliveries": [],
}
_OF_NOUN: Mapping[str, Row] = {
    "alerts": {"user_id": str(uuid.UUID(int=0)), "of": None, "mute_for": [1, "days"], "firing": 0},
    "queues": {"concurrency": None, "rate": None, "paused": False, "waiting": 0, "running": 0},
    "calendars": {
        **dict.fromkeys(("dates", "country", "subdivision", "ics")),
        "day_count": 0,
        "next_days": [],
        "used_by": [],
    },
    "secrets": {"hosts": None, "used_by": {"schedules": [], "jobs": []}},
    "keys": {
        "name": "",
        "scope": "write",
        "hint": "fake",
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
    },
}
