"""What an alert says, and the deliveries and letters that take it to its addresses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from booper.services import schemas
from booper.timing.timestamps import timestamp
from jobs.alerting import formats, letters
from jobs.database import sql
from jobs.models import Alert, AlertedEnd, AlertIncident, AlertLetter, Delivery, DeliveryKind, tags

FIRING = "alert.firing"
RESOLVED = "alert.resolved"

Message = Delivery | AlertLetter


def shown_job(end: AlertedEnd | None) -> dict[str, Any] | None:
    """The job that showed it, as messages and incidents have it."""
    if end is None:
        return None
    return {
        "job_id": end.job_id,
        "schedule_id": None if end.schedule_id is None else str(end.schedule_id),
        "name": end.name,
        "state": end.state,
        "error": end.error_code,
        "tags": tags.listed(end.tags),
    }


def shown_subject(subject: str) -> dict[str, str | None]:
    """`schedule:…`, `host:…` and `receiver:…` taken apart; `all` where it is about all together."""
    kind, _, value = subject.partition(":")
    return {"kind": kind or "all", "value": value or None}


def written(alert: Alert, incident: AlertIncident, *, event: str, is_again: bool, now: datetime) -> list[Message]:
    """One to each address of the alert, not saved yet."""
    message = {"type": event, "timestamp": timestamp(now), "data": _data(alert, incident, event, is_again)}
    return [
        _letter(alert, incident, event, url, message, now)
        if url.startswith(letters.SCHEME) or schemas.schema_of(url) is not None
        else _delivery(alert, incident, event, url, formats.body(url, message).decode(), now)
        for url in alert.to
    ]


def _data(alert: Alert, incident: AlertIncident, event: str, is_again: bool) -> dict[str, Any]:
    shown = incident.fired if event == FIRING or incident.resolved is None else incident.resolved
    job = shown["job"]
    return {
        "alert_id": str(alert.id),
        "name": alert.name,
        "incident_id": str(incident.id),
        "when": alert.when,
        "of": alert.of,
        "subject": shown_subject(incident.subject),
        "since": timestamp(incident.since),
        "until": None if incident.until is None or event == FIRING else timestamp(incident.until),
        "summary": shown["summary"],
        "job": job,
        "tags": [] if job is None else job["tags"],
        "again": is_again,
        "test": incident.is_test,
    }


def _delivery(alert: Alert, incident: AlertIncident, event: str, url: str, body: str, now: datetime) -> Delivery:
    return Delivery(
        user_id=alert.user_id,
        incident_id=incident.id,
        kind=DeliveryKind.ALERT,
        event=event,
        url=url,
        body=body,
        inserted_at=now,
        due_at=now,
    )


def _letter(
    alert: Alert, incident: AlertIncident, event: str, url: str, message: Mapping[str, Any], now: datetime
) -> AlertLetter:
    page = formats.link(message)
    text = formats.sentence(message) if page is None else f"{formats.sentence(message)}\n\n{page}"
    title = "is over" if event == RESOLVED else "is tested" if incident.is_test else "fires"
    return AlertLetter(
        user_id=alert.user_id,
        incident_id=incident.id,
        event=event,
        url=url,
        title=f"Booper: {alert.name} {title}",
        text=f"{text}\n",
        inserted_at=now,
        due_at=now,
    )


def insert(messages: Sequence[Message], *, now: datetime) -> None:
    """Writes them, inside the transaction that has opened or ended their incidents."""
    letters.insert([each for each in messages if isinstance(each, AlertLetter)], now=now)
    _insert([each for each in messages if isinstance(each, Delivery)])


def _insert(rows: Sequence[Delivery]) -> None:
    """All in one statement."""
    sql.insert(
        Delivery,
        rows,
        uuid="uuid",
        user_id="uuid",
        incident_id="uuid",
        kind="text",
        event="text",
        url="text",
        body="text",
        state="text",
        inserted_at="timestamptz",
        due_at="timestamptz",
        attempt="smallint",
    )
