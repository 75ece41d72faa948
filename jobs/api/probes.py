"""/livez, /readyz and /metrics: answered before anything else looks at the request, and always in time.

Load balancers and Prometheus call a process by its address, so the Host header is not asked for here.
"""

import hmac
from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from jobs.database import clock
from jobs.operating import health
from jobs.operating.bounded_question import Question
from jobs.telemetry import exposition, traces
from jobs.waking import announcements

# A scrape that comes sooner is answered with the figures of the one before.
_FRESH_SECONDS = 4.0
_STORED_FRESH_SECONDS = 60.0
_PATIENCE_SECONDS = 8.0
_OPENMETRICS = "application/openmetrics-text"

Door = Callable[[HttpRequest], HttpResponse]


class Probes:
    """The middleware, to be the first of all."""

    def __init__(self, get_response: Door) -> None:
        self._get_response = get_response
        self._readiness = health.Readiness(ask_broker=announcements.ask_broker)
        self._stored = Question(exposition.count_stored, fresh_seconds=_STORED_FRESH_SECONDS, name="count-rows")
        self._metrics = Question(self._expose, fresh_seconds=_FRESH_SECONDS, name="metrics")
        self._with_traces = Question(self._expose_with_traces, fresh_seconds=_FRESH_SECONDS, name="metrics-traces")
        self._doors: Mapping[str, Door] = {"/livez": self._live, "/readyz": self._ready, "/metrics": self._measure}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        door = self._doors.get(request.path_info.removesuffix("/"))
        if door is None:
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return _quiet(HttpResponseNotAllowed(["GET", "HEAD"]))
        response = door(request)
        response.headers["Cache-Control"] = "no-store"
        return _quiet(response)

    def _live(self, request: HttpRequest) -> HttpResponse:
        """The process answers: that is all, and nothing else is asked."""
        return JsonResponse({"status": "alive"})

    def _ready(self, request: HttpRequest) -> HttpResponse:
        without = [name for text in request.GET.getlist("exclude") for name in text.split(",") if name]
        unknown = [name for name in without if name not in health.NAMES]
        if unknown:
            detail = f"exclude={unknown[0][:40]!a} names no check: use one or more of {', '.join(health.NAMES)}"
            return JsonResponse({"status": "refused", "detail": detail}, status=400)
        report = self._readiness.report(without=without)
        return JsonResponse(report.as_json(), status=200 if report.is_ready else 503)

    def _measure(self, request: HttpRequest) -> HttpResponse:
        refusal = _refusal(request)
        if refusal is not None:
            return refusal
        has_traces = traces.are_on() and _takes_openmetrics(request)
        question = self._with_traces if has_traces else self._metrics
        answer = question.answer(within_seconds=_PATIENCE_SECONDS)
        if answer.value is None:
            return _text(f"the figures could not be found out: {answer.error}\n", status=503)
        return HttpResponse(answer.value, content_type=CONTENT_TYPE_LATEST if has_traces else CONTENT_TYPE_PLAIN_0_0_4)

    def _expose(self) -> bytes:
        return exposition.exposition(now=clock.now(), stored=self._counted())

    def _expose_with_traces(self) -> bytes:
        return exposition.exposition(now=clock.now(), stored=self._counted(), with_exemplars=True)

    def _counted(self) -> exposition.Stored | None:
        return self._stored.answer(within_seconds=_PATIENCE_SECONDS / 2).value


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Whoever has METRICS_TOKEN may read the metrics, this machine included: a job may ask it for them."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode()):
        return None
    refusal = _text("send the header Authorization: Bearer and the METRICS_TOKEN of this instance\n", status=401)
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return refusal


def _takes_openmetrics(request: HttpRequest) -> bool:
    """Whether it asks for the format that has room for traces, as Prometheus does."""
    accepted = ([part.strip() for part in each.split(";")] for each in request.META.get("HTTP_ACCEPT", "").split(","))
    return any(kind == _OPENMETRICS and "q=0" not in more for kind, *more in accepted)


def _quiet(response: HttpResponse) -> HttpResponse:
    """What is not well is logged where it happens; Django would add a line for each time somebody asks."""
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _text(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
