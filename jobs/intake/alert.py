"""What an alert is to be: when it fires, of what, and whom it tells. See jobs.alerting for what is made of it."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings

from booper.services import schemas
from booper.targets import urls
from booper.timing import durations
from booper.timing.durations import shown
from jobs.guarding import secrets
from jobs.guarding.secrets import Vault
from jobs.intake import job as intake_job
from jobs.intake import request, secret, tags, targets, timing
from jobs.intake.fields import Input
from jobs.models import Schedule, User

FIELDS = ("name", "when", "of", "to", "mute_for")
KINDS = ("discarded", "failing", "late", "not_run", "receiver_off", "schedule_disabled")
SHARE_FIELDS = ("share", "of_last", "at_least")
OF_FIELDS = ("schedule_id", "url", "name", "tag", "host", "queue")
LONGEST_NAME = 100
MOST_ADDRESSES = 10
MOST_IN_A_ROW = 1000
MOST_AT_LEAST = 1_000_000
SHORTEST_MUTE_SECONDS = 300

_MAILTO = "mailto:"
_LONGEST_QUEUE = 255
_LONGEST_HOST = 300
_MINUTE, _MONTH, _YEARS = 60, 31 * 86_400, 3_653 * 86_400
_EXAMPLE = '{"discarded": 3}'


class Owned:
    """What a user has that alerts name, read when it is first asked for and once for all the `alerts`."""

    def __init__(self, user_id: UUID, alerts: Iterable[Any]) -> None:
        """`alerts` are bodies as they were sent, of whatever shape."""
        self._user_id = user_id
        filters = [alert.get("of") for alert in alerts if isinstance(alert, dict)]
        self._named = {uuid for each in filters if isinstance(each, dict) and (uuid := _uuid(each.get("schedule_id")))}

    @cached_property
    def email(self) -> str:
        return User.objects.values_list("email", flat=True).get(id=self._user_id)

    @cached_property
    def vault(self) -> Vault:
        return secrets.vaults([self._user_id])[self._user_id]

    @cached_property
    def schedules(self) -> frozenset[UUID]:
        """Those of the schedules that are named which are there."""
        there = Schedule.objects.existing().filter(user_id=self._user_id, id__in=self._named)
        return frozenset(there.values_list("id", flat=True))


def require_name(name: str) -> None:
    """Checks the name that an alert has in a file. Raises InvalidInput."""
    given = Input({"name": name}, known=("name",))
    _name(given)
    given.finish()


def new(fields: Mapping[str, Any], *, owned: Owned) -> dict[str, Any]:
    """Reads the body of POST /api/alerts: the columns of the alert. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    for name, example in (("name", '"nightly report"'), ("when", _EXAMPLE), ("to", '["https://example.com/alerts"]')):
        if not given.has(name):
            given.refuse(name, detail=f"it is required: write {example}")
    columns = _read(given, owned=owned)
    given.finish()
    return {"of": None, "mute_for": None, **columns}


def changes(fields: Mapping[str, Any], *, when: Mapping[str, Any], owned: Owned) -> dict[str, Any]:
    """Reads the body of PATCH /api/alerts/{id}, of an alert that fires `when`. Raises InvalidInput."""
    given = Input(fields, known=FIELDS)
    for name in ("name", "when", "to"):
        if name in fields and not given.has(name):
            given.refuse(name, detail="an alert has to have one: leave it out to keep it as it is")
    columns = _read(given, owned=owned, when=when)
    given.finish()
    return {name: value for name, value in columns.items() if name in fields}


def _read(given: Input, *, owned: Owned, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    found_when = _when(given)
    kind = next(iter(found_when or when or {}), None)
    return {
        "name": _name(given),
        "when": found_when,
        "of": _of(given, kind=kind, owned=owned),
        "to": _addresses(given, owned=owned),
        "mute_for": _mute(given),
    }


def _name(given: Input) -> str | None:
    name = given.text("name", shortest=1, longest=LONGEST_NAME)
    if name is not None and not name.isprintable():
        given.refuse("name", detail="there is a control character in it: leave it out")
    return name


def _when(given: Input) -> dict[str, Any] | None:
    value = given.value("when")
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) != 1:
        detail = f"it is not an object with one of {', '.join(KINDS)}: write {_EXAMPLE}"
        given.refuse("when", detail=detail)
        return None
    rule = given.within("when", known=KINDS)
    [kind] = value
    if kind not in KINDS:
        return None
    if not rule.has(kind):
        given.refuse("when", kind, detail="it is null: write when it is to fire")
        return None
    found = _rule(rule, kind)
    return None if found is None else {kind: found}


def _rule(rule: Input, kind: str) -> Any:
    if kind == "discarded":
        return rule.whole_number("discarded", lowest=1, highest=MOST_IN_A_ROW)
    if kind == "failing":
        return _share(rule)
    if kind == "late":
        return _length(rule, "late", shortest=1, longest=_YEARS)
    if kind == "not_run":
        return _length(rule, "not_run", shortest=_MINUTE, longest=_YEARS)
    is_so = rule.switch(kind)
    if is_so is False:
        rule.refuse(kind, detail="it is false: an alert fires when something is so, so write true")
    return is_so or None


def _share(rule: Input) -> dict[str, Any] | None:
    if not isinstance(rule.value("failing"), dict):
        rule.refuse("failing", detail='it is not an object: write {"share": 0.5, "of_last": "1 hour", "at_least": 10}')
        return None
    failing = rule.within("failing", known=SHARE_FIELDS)
    for name in ("share", "of_last"):
        if not failing.has(name):
            failing.refuse(name, detail="it is required")
    share = failing.number("share", lowest=0, highest=1)
    if share == 0:
        failing.refuse("share", detail="it is 0, which is always so: write 0.5 for a half")
    of_last = _length(failing, "of_last", shortest=_MINUTE, longest=_MONTH)
    at_least = failing.whole_number("at_least", lowest=1, highest=MOST_AT_LEAST)
    if not share or of_last is None:
        return None
    return {"share": share, "of_last": of_last, "at_least": at_least or 1}


def _length(given: Input, name: str, *, shortest: float, longest: float) -> list[Any] | None:
    """Reads a duration as `[amount, unit]`, which is how it is shown."""
    if not given.has(name):
        return None
    length = timing.duration(given, name, value=given.value(name))
    if length is None:
        return None
    if not shortest <= length.nominal_seconds <= longest:
        least, most = durations.parse(shortest), durations.parse(longest)
        given.refuse(name, detail=f"{length} is not from {least} to {most}")
        return None
    return length.as_json()


def _mute(given: Input) -> list[Any] | None:
    return _length(given, "mute_for", shortest=SHORTEST_MUTE_SECONDS, longest=_YEARS)


def _of(given: Input, *, kind: str | None, owned: Owned) -> dict[str, Any] | None:
    value = given.value("of")
    if value is None:
        return None
    if not isinstance(value, dict):
        given.refuse("of", detail=f'{shown(value)} is not an object of filters: write {{"tag": "nightly"}}')
        return None
    filters = given.within("of", known=("host",) if kind == "receiver_off" else OF_FIELDS)
    url = filters.text("url", longest=urls.MAX_URL_LENGTH)
    found = {
        "schedule_id": _schedule(filters, owned=owned),
        "url": None if url is None else targets.as_stored(url),
        "name": filters.text("name", longest=intake_job.LONGEST_NAME),
        "tag": tags.looked_for(filters) or None,
        "host": _host(filters),
        "queue": filters.text("queue", longest=_LONGEST_QUEUE),
    }
    return {name: each for name, each in found.items() if each is not None} or None


def _schedule(filters: Input, *, owned: Owned) -> str | None:
    """Reads the uuid of a schedule that is there: an alert of none would never fire."""
    value = filters.value("schedule_id")
    if value is None:
        return None
    schedule_id = _uuid(value)
    if schedule_id is None:
        filters.refuse("schedule_id", detail=f"{shown(value)} is not a uuid")
        return None
    if schedule_id not in owned.schedules:
        filters.refuse("schedule_id", detail=f"there is no schedule {schedule_id} of yours")
    return str(schedule_id)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None


def _host(filters: Input) -> str | None:
    host = filters.text("host", shortest=1, longest=_LONGEST_HOST)
    if host is not None and targets.at_host(host) is None:
        remedy = "write example.com or example.com:8443, without a path"
        filters.refuse("host", detail=f"{shown(host)} is no host: {remedy}")
    return host


def _addresses(given: Input, *, owned: Owned) -> list[str] | None:
    value = given.value("to")
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_ADDRESSES:
        remedy = 'write ["https://example.com/alerts"]'
        given.refuse("to", detail=f"it is not a list of 1 to {MOST_ADDRESSES} addresses: {remedy}")
        return None
    read = [_address(given, place, item, owned=owned) for place, item in enumerate(value)]
    found = [each for each in read if each is not None]
    if len(found) < len(value):
        return None
    for place, url in enumerate(found):
        if url in found[:place]:
            given.refuse("to", place, detail="it is in the list already: leave it out")
    secret.check_urls(given, "to", found, vault=lambda: owned.vault)
    return found


def _address(given: Input, place: int, value: Any, *, owned: Owned) -> str | None:
    if isinstance(value, str) and value[: len(_MAILTO)].lower() == _MAILTO:
        return _mail(given, place, value[len(_MAILTO) :], owned=owned)
    if isinstance(value, str) and (schema := schemas.schema_of(value)) is not None:
        return _service(given, place, value, schema=schema)
    if isinstance(value, str) and not value.lower().startswith(("https://", "http://")):
        # It may be the slip in the URL of a service, which has its key in it.
        given.refuse("to", place, detail="it is no URL: write one that begins with https://")
        return None
    target = given.read_at("to", place, value=value, parse=request.target)
    return None if target is None else target.url


def _service(given: Input, place: int, url: str, *, schema: str) -> str | None:
    """A URL of a service that the operator has named. No refusal shows more of it than its schema: it is a key."""
    named = settings.BOOPER_ALERT_SERVICES
    if schema not in named:
        taken = ", ".join(f"{each}://" for each in ("https", *named))
        remedy = f"write a URL that begins with {taken}, or ask the operator for it (BOOPER_ALERT_SERVICES)"
        given.refuse("to", place, detail=f"{shown(schema + '://')} is not taken here: {remedy}")
        return None
    if problem := schemas.problem(url):
        given.refuse("to", place, detail=problem)
        return None
    return schema + url[len(schema) :]


def _mail(given: Input, place: int, address: str, *, owned: Owned) -> str | None:
    """The owner's own address, and no other: an alert is no way to write to strangers."""
    if not settings.EMAIL_HOST:
        given.refuse("to", place, detail="this instance sends no mail: an operator can set EMAIL_HOST")
        return None
    own = owned.email
    if address.lower() != own.lower():
        given.refuse("to", place, detail=f"mail goes to your own address alone: write {_MAILTO}{own}")
        return None
    return f"{_MAILTO}{own}"
