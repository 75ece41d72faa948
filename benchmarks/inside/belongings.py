"""What one tenant has besides jobs and schedules, as much of each as they may have: keys, secrets, alerts and the like."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings

from benchmarks.inside.multiplied import fill, moment, uuid_at
from jobs.database import clock
from jobs.guarding import inbox, keys, sessions
from jobs.guarding.inbox import Arrived
from jobs.models import (
    Alert,
    AlertIncident,
    AuditEvent,
    Calendar,
    InboxRequest,
    Process,
    ProcessRole,
    Receiver,
    Scope,
    Secret,
    SignIn,
    Tally,
    User,
)

_RECEIVERS, _SECRETS, _KEYS, _CALENDARS, _SIGN_INS, _ALERTS = 300, 900, 99, 20, 150, 200
_HOUR = timedelta(hours=1)


def give(user: User, *, incidents: int, events: int) -> None:
    """`incidents` of each alert, and `events` of the audit trail."""
    now = clock.now()
    at = now.timestamp()
    receiver = Receiver.objects.create(
        user=user, origin="https://off.example.com", failing_since=now, last_failed_at=now, disabled_at=now - _HOUR
    )
    off = f"CASE WHEN s.i % 10 = 0 THEN {moment(at, '-s.i')} END"
    numbered = {"id": uuid_at(at, "0", "s.i")}
    fresh = {"origin": "'https://back' || s.i || '.example.com'", "disabled_at": off}
    fill(Receiver, _RECEIVERS, of=receiver.id, fresh=numbered | fresh)
    secret = Secret.objects.create(user=user, name="TOKEN", value="tulip", inserted_at=now, updated_at=now)
    fill(Secret, _SECRETS, of=secret.pk, fresh={"name": "'SECRET_' || s.i"})
    key, _ = keys.issue(user.id, name="ci", scope=Scope.WRITE, expires_at=None, actor="bench", now=now)
    fresh = {"uuid": uuid_at(at, "0", "s.i"), "token_hash": "'hash-' || s.i"}
    fill(type(key), _KEYS, of=key.pk, fresh=fresh)
    days = {"user": user, "dates": ["2027-12-24"], "country": "GB", "inserted_at": now, "updated_at": now}
    Calendar.objects.bulk_create(Calendar(name=name, **days) for name in _names(_CALENDARS))
    alerts(user, incidents)
    event = AuditEvent.objects.create(at=now, user=user, email=user.email, actor="api key ci", action="job.retry")
    fill(AuditEvent, events, of=event.id, fresh={"id": uuid_at(at, "-s.i * 20", "s.i"), "at": moment(at, "-s.i * 20")})
    sent = Arrived(method="POST", path="/a", query="", headers={"X": "1"}, body=b'{"n": 1}', address="::1")
    inbox.keep(inbox.of_user(user.id), sent, now=now)
    one = InboxRequest.objects.latest("id")
    fill(InboxRequest, inbox.MOST_KEPT - 1, of=one.id, fresh={"id": uuid_at(at, "-s.i", "s.i")})
    _sign_ins(user)
    _processes()


def _names(count: int) -> list[str]:
    """The first is the one that schedules have."""
    return ["off", *(f"days-{number}" for number in range(1, count))]


def alerts(user: User, incidents: int) -> None:
    now = clock.now()
    told = {"to": ["https://example.com/alerts"], "inserted_at": now, "updated_at": now, "watched_from": now}
    for number in range(_ALERTS):
        alert = Alert.objects.create(user=user, name=f"alert {number}", when={"discarded": 3}, **told)
        first = AlertIncident.objects.create(
            alert=alert, user=user, subject=f"host:api{number}.example.com", since=now, told_at=now,
            fired={"summary": "3 jobs in a row to api.example.com were discarded"},
        )  # fmt: skip
        ago = f"-(s.i * 600 + {number})"
        at, over = moment(now.timestamp(), ago), moment(now.timestamp(), f"{ago} + 300")
        fresh = {"id": uuid_at(now.timestamp(), ago, f"s.i * {_ALERTS} + {number}"), "since": at, "until": over}
        fill(AlertIncident, incidents, of=first.id, fresh=fresh)


def _sign_ins(user: User) -> None:
    """In as many browsers, each with its session."""
    now = clock.now()
    for number in range(_SIGN_INS):
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session.create()
        SignIn.objects.create(
            user=user, session_key=session.session_key, stamp=sessions.stamp_of(user), began_at=now,
            used_at=now, address=f"10.0.0.{number}", browser="Firefox on Linux",
        )  # fmt: skip


def _processes() -> None:
    """Two workers and a beat, alive as long as anybody measures, with what they have counted."""
    now = clock.now()
    times = {"started_at": now, "heartbeat_at": now, "lease_expires_at": now + 24 * _HOUR}
    for role in (ProcessRole.WORKER, ProcessRole.WORKER, ProcessRole.BEAT):
        process = Process.objects.create(role=role, name=f"{role}-1", **times)
        counts = {f"attempts|{number}": 10.0 for number in range(60)}
        gauges = {f"host_attempts|https://api{number}.example.com/": 10.0 for number in range(100)}
        Tally.objects.create(id=process.id, name=process.name, counts=counts, gauges=gauges, flushed_at=now)
