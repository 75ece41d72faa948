"""How the document describes one call: a decorator for a view's method."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema

from jobs.api.input import taken
from jobs.api.schema.components import whole
from jobs.api.schema.components.parameters import order_by
from jobs.api.schema.components.shapes import NEXT_CURSOR, Schema, ref

F = TypeVar("F", bound=Callable[..., Any])

TAGS = {
    "jobs": "Requests to make, once or as the runs of a schedule.",
    "schedules": "Jobs that repeat.",
    "calendars": "Days on which schedules do not run, or on which alone they do.",
    "queues": "How many jobs run at once, and how fast they start.",
    "logs": "What happened to each job.",
    "deliveries": "Callbacks, webhooks and alerts, and who receives them.",
    "alerts": "What you want to be told of, and when it fired.",
    "keys": "API keys, and what each may do.",
    "signing": "What callbacks, webhooks and requests are signed with.",
    "secrets": "Values that jobs refer to by name.",
    "limits": "What the caller may have, and has.",
    "inbox": "What arrives at an address of your own.",
    "demo": "Targets to try things with.",
}

_WITH_KEY = (401, 403, 429, 503)

_WITH_BODY = (400, 413, 415)

_FORM = "application/x-www-form-urlencoded"


def operation(
    operation_id: str,
    summary: str,
    *,
    tag: str,
    answers: dict[int, Schema],
    refusals: Sequence[int] = (),
    parameters: Sequence[Schema] = (),
    body: str | None = None,
    form_example: Schema | None = None,
    is_open: bool = False,
    is_paged: bool = False,
    has_location: bool = True,
    has_etag: bool = False,
    needs_body: bool = True,
    is_bare: bool = False,
    description: str = "",
) -> Callable[[F], F]:
    """`answers` are schemas of `data` by status, or of the whole answer if it `is_bare`; `body` names the request's."""
    operation: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "description": description or f"{summary}.",
        "tags": [tag],
        "parameters": list(parameters),
        "security": [] if is_open else [{"apiKey": []}],
        "responses": {str(status): _answer(status, schema, is_paged, is_bare) for status, schema in answers.items()},
    }
    _set_headers(operation["responses"], has_location=has_location, has_etag=has_etag)
    if body is not None:
        operation["requestBody"] = _request_body(body, form_example=form_example, is_required=needs_body)

    def decorate(method: F) -> F:
        declared = taken.by(method)
        _require_same(operation_id, declared, parameters=_in_query(parameters), fields=_fields(body))
        statuses = {*refusals, *_usual_refusals(method, declared, is_open=is_open)}
        operation["responses"] |= {str(status): ref(str(status), "responses") for status in sorted(statuses)}
        return extend_schema(operation=operation)(method)

    return decorate


def _usual_refusals(method: Callable[..., Any], declared: taken.Taken, *, is_open: bool) -> set[int]:
    # A call without a body reads it all the same, to refuse it.
    reads_body = method.__name__ != "get"
    with_key = () if is_open else _WITH_KEY
    return {414, *with_key, *(() if declared.is_open_to_any_query else (400,)), *(_WITH_BODY if reads_body else ())}


def _set_headers(responses: Schema, *, has_location: bool, has_etag: bool) -> None:
    required: Schema = {"schema": {"type": "string"}, "required": True}
    if "201" in responses and has_location:
        responses["201"]["headers"] = {"Location": required}
    if has_etag:
        responses["200"]["headers"] = {"ETag": required}


def _request_body(name: str, *, form_example: Schema | None, is_required: bool) -> Schema:
    as_form: Schema = {"schema": ref("Form")}
    if form_example is not None:
        as_form["example"] = form_example
    return {"required": is_required, "content": {"application/json": {"schema": ref(name)}, _FORM: as_form}}


def _require_same(
    operation_id: str, declared: taken.Taken, *, parameters: Sequence[str], fields: Sequence[str] | None
) -> None:
    """Stops the boot with a TypeError where a method was not declared to take just what is described."""
    if {*declared.parameters} != {*parameters}:
        raise TypeError(f"{operation_id} takes {declared.parameters} in the query, and describes {parameters}")
    if (declared.fields is None) != (fields is None) or {*(declared.fields or ())} != {*(fields or ())}:
        raise TypeError(f"{operation_id} takes {declared.fields} in its body, and describes {fields}")


def _in_query(parameters: Sequence[Schema]) -> list[str]:
    """The names of the parameters in the query."""
    named = [whole.PARAMETERS[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in parameters]
    return [each["name"] for each in named if each["in"] == "query"]


def _fields(body: str | None) -> list[str] | None:
    return None if body is None else [*whole.SCHEMAS[body].get("properties", {})]


def _answer(status: int, data: Schema, is_paged: bool, is_bare: bool) -> Schema:
    properties = {"data": data} | ({"cursor": NEXT_CURSOR} if is_paged else {})
    schema = {"type": "object", "properties": properties, "required": ["data"], "additionalProperties": False}
    schema = data if is_bare else schema
    description = {200: "Done.", 201: "Created.", 202: "Under way.", 207: "Some were refused."}[status]
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def parameters(*names: str) -> list[Schema]:
    return [ref(name, "parameters") for name in names]


def listing(
    operation_id: str,
    summary: str,
    *,
    tag: str,
    of: str,
    columns: Iterable[str],
    filters: Sequence[str] = (),
    before: Sequence[str] = (),
    refusals: Sequence[int] = (),
) -> Callable[[F], F]:
    """`before` has the parameters in the path."""
    return operation(
        operation_id,
        summary,
        tag=tag,
        description="Newest first, unless `order_by` says otherwise. A request with `cursor`, empty for the first "
        "page, is answered with the one for the next page.",
        answers={200: {"type": "array", "items": ref(of), "maxItems": 100}},
        refusals=refusals,
        parameters=[
            *parameters(*before),
            *parameters("limit", "offset", "cursor"),
            order_by([*columns]),
            *parameters(*filters),
        ],
        is_paged=True,
    )
