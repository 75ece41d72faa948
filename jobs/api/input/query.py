"""Query parameters, as strict as bodies: unknown ones are refused, numbers have bounds, orders name known columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from booper.timing import durations
from booper.timing.durations import shown
from jobs.api.input import cursors, identifiers
from jobs.api.input.cursors import Order, Position
from jobs.api.wire import bracket_forms
from jobs.intake import strict_json
from jobs.intake.fields import Input
from jobs.intake.refusals import InvalidInput

M = TypeVar("M", bound=Model)

PAGE_FIELDS = ("limit", "offset", "order_by", "cursor")
# What each field of `order_by` is read from. Ids rise with `inserted_at`, and have an index.
JOB_COLUMNS = {
    "inserted_at": "id",
    "job_id": "id",
    "id": "uuid",
    "scheduled_at": "scheduled_at",
    "attempted_at": "attempted_at",
    "completed_at": "completed_at",
    "cancelled_at": "cancelled_at",
    "discarded_at": "discarded_at",
    "name": "name",
}
SCHEDULE_COLUMNS = {
    "inserted_at": "id",
    "id": "id",
    "name": "name",
    "disabled_at": "disabled_at",
    "run_count": "run_count",
}
LOG_COLUMNS = {"inserted_at": "id", "id": "id", "job_id": "job_id", "event": "event"}
DELIVERY_COLUMNS = {
    "inserted_at": "id",
    "id": "uuid",
    "job_id": "job_id",
    "attempted_at": "attempted_at",
    "delivered_at": "delivered_at",
    "failed_at": "failed_at",
}
RECEIVER_COLUMNS = {
    "inserted_at": "id",
    "id": "id",
    "origin": "origin",
    "last_failed_at": "last_failed_at",
    "disabled_at": "disabled_at",
}
SECRET_COLUMNS = {"inserted_at": "id", "name": "name", "updated_at": "updated_at"}
KEY_COLUMNS = {"inserted_at": "id", "id": "uuid", "name": "name"}
INBOX_COLUMNS = {"inserted_at": "id", "id": "id"}
CALENDAR_COLUMNS = {"inserted_at": "id", "name": "name", "updated_at": "updated_at"}
ALERT_COLUMNS = {"inserted_at": "id", "id": "id", "name": "name", "updated_at": "updated_at"}
INCIDENT_COLUMNS = {"since": "id", "id": "id", "until": "until"}
QUEUE_COLUMNS = {"inserted_at": "id", "name": "name"}
_DEFAULT_LIMIT = 10
_HIGHEST_LIMIT = 100
_HIGHEST_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """The rows of one page. `cursor` is for the next one, None on the last; no client is told of it unless it asked."""

    rows: list[M]
    cursor: str | None
    is_by_cursor: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """Which rows of a list to answer: the first `limit` after `offset` of those after `position`, if there is one."""

    limit: int
    offset: int
    order: Order
    is_by_cursor: bool
    position: Position | None

    @property
    def is_first(self) -> bool:
        """Whether it is the first page, in the order there is without another one, and no cursor is asked for."""
        is_usual = self.order.column == "id" and self.order.is_descending
        return is_usual and not (self.offset or self.is_by_cursor)

    def page_of(self, rows: QuerySet[M]) -> Page[M]:
        """One query, which looks one row ahead if there is to be a cursor."""
        if self.position is not None:
            rows = rows.filter(self.order.after(self.position))
        ahead = int(self.is_by_cursor)
        found = list(rows.order_by(*self.order.expressions)[self.offset : self.offset + self.limit + ahead])
        page = found[: self.limit]
        cursor = self.order.cursor_at(page[-1]) if len(found) > len(page) else None
        return Page(page, cursor, self.is_by_cursor)


def read(request: Request, *, known: Sequence[str]) -> Input:
    """The parameters after the question mark. Raises InvalidInput if they do not parse."""
    return Input(sent(request), known=known)


def sent(request: Request) -> dict[str, Any]:
    """The same as they came, known or not."""
    text = request.META.get("QUERY_STRING", "")
    # WSGI hands bytes over as if they were latin-1.
    return bracket_forms.parse(text.encode("latin-1", "replace")) if text else {}


def paging(given: Input, *, model: type[Model], columns: Mapping[str, str]) -> Paging:
    """`columns` says which column each field of `order_by` means; newest first, by id, where there is none."""
    limit = given.whole_number("limit", lowest=1, highest=_HIGHEST_LIMIT)
    offset = given.whole_number("offset", lowest=0, highest=_HIGHEST_OFFSET)
    column, is_descending = _ordering(given, columns)
    order = Order(model=model, column=column, is_descending=is_descending)
    # Empty, it asks for the first page.
    cursor = given.text("cursor", longest=cursors.LONGEST)
    if cursor and offset:
        given.refuse("offset", detail="the cursor says where to go on: give one or the other")
    position = given.read("cursor", order.position) if cursor else None
    return Paging(limit or _DEFAULT_LIMIT, offset or 0, order, given.has("cursor"), position)


def _ordering(given: Input, columns: Mapping[str, str]) -> tuple[str, bool]:
    """The column, and whether it is descending."""
    value = given.value("order_by")
    if value is None:
        return "id", True
    parts = _order_parts(value)
    if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        given.refuse("order_by", detail=f"{shown(value)} is no order: write a field and asc or desc: inserted_at,asc")
        return "id", True
    name, direction = parts[0].strip(), parts[1].strip().lower()
    if name not in columns:
        given.refuse("order_by", detail=f"{shown(name)} is no field to order by: use one of {', '.join(columns)}")
    if direction not in ("asc", "desc"):
        given.refuse("order_by", detail=f"{shown(parts[1])} is no direction: write asc or desc")
    return columns.get(name, "id"), direction == "desc"


def _order_parts(value: Any) -> Sequence[Any]:
    """Takes apart `inserted_at,asc`, ["inserted_at", "asc"] and {"inserted_at": "asc"}, as JSON or from brackets."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = strict_json.parse(value.encode())
        except InvalidInput:
            return []
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, dict) and len(value) == 1:
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def moment(given: Input, name: str, *, now: datetime) -> datetime | None:
    value = given.value(name)
    if value is None:
        return None
    parse = partial(durations.parse_moment, now=now)
    return given.read_at(name, value=_with_plus(value) if isinstance(value, str) else value, parse=parse)


def _with_plus(text: str) -> str:
    """A plus that was not percent-encoded arrives as a space: 2026-01-01T00:00:00 02:00."""
    head, space, offset = text.rpartition(" ")
    return f"{head}+{offset}" if space and "T" in head and ":" in offset else text


def uuid(given: Input, name: str) -> UUID | None:
    value = given.value(name)
    if value is None:
        return None
    found = identifiers.uuid(value) if isinstance(value, str) else None
    if found is None:
        given.refuse(name, detail=f"{shown(value)} is not a uuid")
    return found


def of_job(rows: QuerySet[M], given: Input) -> QuerySet[M]:
    """Filters for the job that `job_id` names, by integer or uuid."""
    value = given.value("job_id")
    if value is None:
        return rows
    if isinstance(value, str):
        number, job_uuid = identifiers.integer(value), identifiers.uuid(value)
        if number is not None:
            return rows.filter(job_id=number)
        if job_uuid is not None:
            return rows.filter(job__uuid=job_uuid)
    given.refuse("job_id", detail=f"{shown(value)} is no id of a job: write its integer job_id or its uuid")
    return rows


def choices(given: Input, name: str, *, allowed: Sequence[str]) -> list[str] | None:
    """One or several, with commas between them."""
    value = given.value(name)
    if value is None:
        return None
    wanted = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    wanted = [item.strip() if isinstance(item, str) else item for item in wanted]
    for item in wanted:
        if item not in allowed:
            given.refuse(name, detail=f"{shown(item)} is none of them: use one or more of {', '.join(allowed)}")
    return list(dict.fromkeys(item for item in wanted if item in allowed))
