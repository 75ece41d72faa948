"""/api/openapi.json, the whole API for machines, and /api/docs, the same for people to try, without any CDN."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import drf_spectacular_sidecar
from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import URLPattern, include, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from booper.content import payloads
from jobs.api.endpoints.base import OpenView
from jobs.api.input.taken import takes
from jobs.api.schema import dialect, webhooks
from jobs.api.schema.components import whole
from jobs.api.schema.operations.operation import TAGS

_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
    "contrast.css": "text/css; charset=utf-8",
}
_INFO = {
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "The operator of this instance", "url": settings.BOOPER_PUBLIC_URL},
}
_ASSET_FOLDER = "static/drf_spectacular_sidecar/swagger-ui-dist"
_START = "start.js"
_SCRIPT = (
    'SwaggerUIBundle({url: "BASE/api/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: true, '
    "tryItOutEnabled: true});"
)
_CONTRAST = "contrast.css"
# Swagger UI's own colours are too pale to be read by everybody; of servers there is one, so that nothing is chosen.
_COLOURS = """
.swagger-ui .opblock .opblock-summary-method { background: #4b5563 !important; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #1b7444 !important; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1f5fa8 !important; }
.swagger-ui .opblock.opblock-delete .opblock-summary-method { background: #b71c1c !important; }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #8a4b00 !important; }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #0f6b63 !important; }
.swagger-ui .json-schema-2020-12-expand-deep-button { color: #4a4a4a !important; }
.swagger-ui .info a, .swagger-ui .info .url, .swagger-ui a.link { color: #2456a6 !important; }
.swagger-ui .info .title small { background: #4b5563 !important; }
.swagger-ui .info .title small.version-stamp { background: #436000 !important; }
.swagger-ui .btn.authorize { color: #1b7444 !important; border-color: #1b7444 !important; }
.swagger-ui .btn.authorize svg { fill: #1b7444 !important; }
.swagger-ui .servers-title, .swagger-ui .servers { display: none; }
.swagger-ui .opblock-summary-path a.nostyle {
  display: inline-block; min-width: 26px; min-height: 30px; line-height: 30px;
}
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Booper API</title>
<link rel="stylesheet" href="BASE/api/docs/swagger-ui.css">
<link rel="stylesheet" href="BASE/api/docs/{_CONTRAST}">
<link rel="icon" type="image/png" href="BASE/api/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="BASE/api/docs/swagger-ui-bundle.js"></script>
<script src="BASE/api/docs/{_START}"></script>
</body>
</html>
"""
# The page runs nothing but its own two scripts, and talks to nobody but this server. Swagger UI styles inline.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def document(routes: Sequence[URLPattern]) -> dict[str, Any]:
    """The OpenAPI document of `routes`, which are those under /api/."""
    generator = SchemaGenerator(patterns=[path("api/", include(list(routes)))])  # type: ignore[no-untyped-call]
    schema: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema["openapi"] = dialect.VERSION
    # Wherever the document was read, so that the page of docs may call it.
    schema["servers"] = [{"url": settings.BOOPER_BASE_PATH or "/"}]
    schema["info"] |= _INFO
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    schema["components"] = {
        "schemas": whole.SCHEMAS,
        "responses": whole.RESPONSES,
        "parameters": whole.PARAMETERS,
        "securitySchemes": whole.SECURITY,
    }
    schema["webhooks"] = webhooks.section()
    found: dict[str, Any] = dialect.in_3_1(schema)
    return found


@lru_cache(maxsize=1)
def _encoded(routes: tuple[URLPattern, ...]) -> bytes:
    # It takes tens of milliseconds to put together, and never changes while the process runs.
    return payloads.encode(document(routes))


@lru_cache(maxsize=8)
def _asset(name: str) -> bytes:
    if name == _START:
        return _placed(_SCRIPT).encode()
    if name == _CONTRAST:
        return _COLOURS.encode()
    return files(drf_spectacular_sidecar).joinpath(_ASSET_FOLDER, name).read_bytes()


def _placed(text: str) -> str:
    """Puts the instance's base path in."""
    return text.replace("BASE/", f"{settings.BOOPER_BASE_PATH}/")


class Document(OpenView):
    """`routes` is given where the view is routed."""

    # The page of docs reads it.
    is_counted = False
    routes: Sequence[URLPattern] = ()

    @takes(is_open_to_any_query=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_encoded(tuple(self.routes)), content_type="application/json")


class Docs(OpenView):
    is_counted = False

    @takes(is_open_to_any_query=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_placed(_PAGE), headers={"Content-Security-Policy": _PAGE_POLICY})


class DocsAsset(OpenView):
    is_counted = False

    @takes(is_open_to_any_query=True)
    def get(self, request: Request, name: str) -> HttpResponse:
        if name not in _ASSETS:
            raise Http404(f"the documentation has no file {name[:40]!a}")
        return HttpResponse(_asset(name), content_type=_ASSETS[name], headers={"Cache-Control": "max-age=3600"})
