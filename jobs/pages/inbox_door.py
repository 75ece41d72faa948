"""/in/{token} and any path below: takes whatever comes, keeps it for its owner, and answers what they chose."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from jobs.database import clock
from jobs.guarding import client_address, inbox
from jobs.guarding.inbox import Arrived
from jobs.guarding.limits import LimitReached

# The web server waits so many milliseconds before it answers, without a thread, and takes the header out.
HOLD = "Booper-Hold"


@method_decorator(csrf_exempt, name="dispatch")
class InboxDoor(View):
    """No key, no cookie, no CORS."""

    def dispatch(self, request: HttpRequest, token: str, path: str = "") -> HttpResponse:
        found, now = inbox.at(token), clock.now()
        if found is None:
            return JsonResponse({"detail": "there is no inbox here (any more)"}, status=404)
        address = client_address.of(request.META)
        try:
            inbox.require_room(found, address=address, now=now)
        except LimitReached as reached:
            return JsonResponse({"detail": str(reached)}, status=429, headers={"Retry-After": "60"})
        arrived = Arrived(
            method=str(request.method),
            path=_storable(f"/{path}" if path else ""),
            query=_storable(request.META.get("QUERY_STRING", "")),
            headers=_headers(request),
            body=request.read(inbox.LONGEST_BODY_BYTES + 1),
            address=address,
        )
        inbox.keep(found, arrived, now=now)
        response = HttpResponse(found.body, status=found.status, content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        # What its owner chose is no fault of the server's, which Django would log for each.
        response._has_been_logged = True  # type: ignore[attr-defined]
        if found.delay_seconds:
            response.headers[HOLD] = str(round(found.delay_seconds * 1000))
        return response


def _headers(request: HttpRequest) -> Mapping[str, str]:
    return {_storable(name): _storable(value) for name, value in request.headers.items()}


def _storable(text: str) -> str:
    """Without what no database holds: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
