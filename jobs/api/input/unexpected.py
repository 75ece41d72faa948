"""The refusal of what a call does not take: nothing that a client asked for is passed over."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from jobs.api.input import query
from jobs.api.input.taken import Taken
from jobs.api.wire import parsers
from jobs.intake.fields import nearest
from jobs.intake.refusals import MOST_ERRORS, FieldError, InvalidInput, pointer

_LONGEST_SHOWN = 40


def refuse_others(request: Request, taken: Taken) -> None:
    """Raises InvalidInput for parameters where there are none to take, and for a body with fields where there are none.

    Where there are some, the view reads them, and refuses the others with all else that is wrong.
    """
    errors: list[FieldError] = []
    if not taken.parameters and not taken.is_open_to_any_query:
        errors += _in_query(request, taken.fields or ())
    if taken.fields is None and request.method not in SAFE_METHODS:
        errors += _in_body(request, taken.parameters)
    if errors:
        raise InvalidInput(errors)


def _in_query(request: Request, fields: Sequence[str]) -> Iterator[FieldError]:
    for name in [*query.sent(request)][:MOST_ERRORS]:
        yield FieldError(pointer(name), _no_parameter(name, fields))


def _no_parameter(name: str, fields: Sequence[str]) -> str:
    if name in fields:
        return "it is no query parameter, but a field of the body: send it there"
    if near := nearest(name, fields):
        return f"there is no such query parameter: did you mean {near}, a field of the body?"
    return f"no query parameters are taken here{', only fields of the body' if fields else ''}"


def _in_body(request: Request, parameters: Sequence[str]) -> Iterator[FieldError]:
    sent = parsers.parse(request, is_optional=True)
    # A recurring job's requests carry $job, $previous and $state.
    for name in [name for name in sent if not name.startswith("$")][:MOST_ERRORS]:
        yield FieldError(pointer(name), _no_field(name, sent[name], parameters))


def _no_field(name: str, value: Any, parameters: Sequence[str]) -> str:
    if name in parameters:
        return f"it is no field, but a query parameter: send {_as_query(name, value)}"
    if near := nearest(name, parameters):
        return f"there is no such field: did you mean ?{near}=…, a query parameter?"
    return "no fields are taken here"


def _as_query(name: str, value: Any) -> str:
    is_short = isinstance(value, str) and len(value) <= _LONGEST_SHOWN
    return f"?{urlencode({name: value})}" if is_short else f"?{name}=…"
