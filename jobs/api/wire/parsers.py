"""Request bodies: read up to a limit however they are framed, then parsed strictly."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from jobs.api.wire import bracket_forms
from jobs.api.wire.problems import UnsupportedBody
from jobs.api.wire.renderers import AlwaysJSON, content_type
from jobs.intake import strict_json
from jobs.intake.refusals import BodyTooLarge, FieldError, InvalidInput

# Where a request's META says how long the body was that was read: not every one says so beforehand.
BODY_BYTES = "booper.body_bytes"
_CHARSETS = ("", "utf-8", "utf8", "us-ascii", "ascii")


class JSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The object in the JSON of `stream`."""
        return _object(strict_json.parse(stream.read()))


class AnyJSONParser(JSONParser):
    """Parses any JSON value, be it an object or not."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return strict_json.parse(stream.read())


class JSONBatchParser(JSONParser):
    """Parses {"jobs": […]}: a job with something in it that can't be taken becomes the refusal of that job alone."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        loaded = strict_json.load(stream.read())
        value = loaded.value
        if not isinstance(value, dict) or not isinstance(value.get("jobs"), list):
            strict_json.refuse_flaws(value)
            return _object(value)
        strict_json.refuse_flaws({name: item for name, item in value.items() if name != "jobs"})
        return value | {"jobs": [_item_or_refusal(item, loaded) for item in value["jobs"]]}


def _item_or_refusal(item: Any, loaded: strict_json.Loaded) -> Any:
    if loaded.may_have_flaws or (loaded.may_be_deep and strict_json.is_deep(item)):
        try:
            strict_json.refuse_flaws(item)
        except InvalidInput as refusal:
            return refusal
    return item


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput([FieldError("", 'the body is JSON but no object: send {"name": value}')])
    return value


class BracketFormParser(BaseParser):
    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        text = stream.read()
        if text.lstrip().startswith(b"{"):
            # What `curl -d '{…}'` sends.
            remedy = "send it with the header Content-Type: application/json"
            raise InvalidInput([FieldError("", f"the body is called a form and looks like JSON: {remedy}")])
        return bracket_forms.parse(text)


def parse(request: Request, *, limit: str = "MAX_REQUEST_BYTES", is_optional: bool = False) -> dict[str, Any]:
    """The fields in the body of `request`; `limit` names the setting that says how large it may be.

    An empty body and {}, whatever they are called, have no fields if it `is_optional`. Raises InvalidInput,
    BodyTooLarge or UnsupportedBody.
    """
    # First of all: servers call a body text/plain that is not there, and `curl -d '{}'` calls it a form.
    body = _read(request._request, setting=limit) if is_optional else None
    if body is not None and body.strip() in (b"", b"{}"):
        return {}
    fields: Any = value(request, limit=limit) if body is None else _parser_for(request).parse(BytesIO(body))
    return dict(fields)


def value(request: Request, *, limit: str = "MAX_REQUEST_BYTES") -> Any:
    """What the parsers of its view make of the body of `request`, be it an object or not. Raises as `parse` does."""
    parser = _parser_for(request)
    return parser.parse(BytesIO(_read(request._request, setting=limit)))


def _parser_for(request: Request) -> BaseParser:
    """Chooses by the Content-Type. Raises UnsupportedBody."""
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedBody(f"the body is encoded as {coding!a}: send it as it is, without Content-Encoding")
    charset = str((request.content_params or {}).get("charset", "")).lower()
    if charset not in _CHARSETS:
        raise UnsupportedBody(f"the character set {charset!a} is not read here: send UTF-8")
    parsers = list(request.parsers or ())
    parser = AlwaysJSON().select_parser(request, parsers)
    if parser is None:
        taken = " or ".join(each.media_type for each in parsers)
        raise UnsupportedBody(f"{content_type(request)[:80]!a} is not read here: send {taken}")
    return parser


def _read(request: HttpRequest, *, setting: str) -> bytes:
    """The body, and never further than the limit: BodyTooLarge, whether its length was announced or not."""
    limit = getattr(settings, setting)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit, setting)
    try:
        body: bytes = _stream(request).read(limit + 1)
    except Exception as error:  # each server has its own for a client that goes away or breaks the framing
        raise InvalidInput([FieldError("", f"the body could not be read to its end: {error}")]) from None
    if len(body) > limit:
        raise _too_large(limit, setting)
    request.META[BODY_BYTES] = len(body)
    return body


def _stream(request: HttpRequest) -> Any:
    """Django takes a body of unannounced length for none; a WSGI server that marks its end lets us read it."""
    if request.META.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH"):
        return request.META["wsgi.input"]
    return request


def _too_large(limit: int, setting: str) -> BodyTooLarge:
    return BodyTooLarge(f"the body has more than {limit} bytes: send less, or have an operator raise {setting}")
