"""Every answer is compact JSON in UTF-8, whatever the request's Accept header asks for."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from booper.content import payloads


class JSONRenderer(BaseRenderer):
    """Renders plain values only: views turn times and ids into text themselves, where they know how."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else payloads.encode(data)


class AlwaysJSON(BaseContentNegotiation):
    """There is one representation, so there is nothing to refuse with 406 and no `format` parameter to honour."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Chooses by the Content-Type; JSON where there is none. None if it is not read here."""
        wanted = content_type(request) or JSONRenderer.media_type
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def content_type(request: Request) -> str:
    """The content type without its parameters, in lower case; empty if the request has none."""
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
