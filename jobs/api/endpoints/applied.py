"""/api/apply-check: what `booper apply` would put, judged; /api/apply-schema.json: what such a file may hold."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from booper.calendars.ics import Busy
from booper.content import payloads
from jobs.api import serializers
from jobs.api.endpoints.base import OpenView, View, answer
from jobs.api.input.taken import takes
from jobs.api.schema import apply_file
from jobs.api.schema.components import applied as fields
from jobs.api.schema.operations import applied as operations
from jobs.api.wire.problems import NotNow
from jobs.database import clock
from jobs.intake import applied
from jobs.models import Scope


class ApplyCheck(View):
    # It makes nothing.
    needs = Scope.READ

    @operations.CHECK_FILE
    @takes(body=applied.FIELDS)
    def post(self, request: Request) -> Response:
        now, sent = clock.now(), self.sent_fields()
        if sent.get("alerts"):
            self._require_admin()
        try:
            there = applied.check(sent, user_id=self.owner_id, now=now)
        except Busy as error:
            raise NotNow(str(error)) from None
        schedules = [serializers.schedule(row, next_run_at=None) for row in there.schedules.values()]
        queues = [serializers.queue(row, waiting=0, running=0) for row in there.queues.values()]
        calendars = [
            serializers.calendar(row, used_by=(), now=now) | {"ics": row.ics} for row in there.calendars.values()
        ]
        alerts = [
            {"id": str(there.alerts[name].id), "name": name, "fields": found}
            for name, found in there.alert_fields.items()
        ]
        return answer(
            {
                "schedules": _only(fields.SCHEDULE_FIELDS, schedules),
                "queues": _only(fields.QUEUE_FIELDS, queues),
                "calendars": _only(fields.CALENDAR_FIELDS, calendars),
                "alerts": alerts,
            }
        )

    def _require_admin(self) -> None:
        """Raises PermissionDenied: the addresses of alerts are shown to who may change them alone."""
        scope = Scope(self.key.scope)
        if not scope.covers(Scope.ADMIN):
            raise PermissionDenied(
                f"the API key has the scope {scope.value}, and alerts in a file need {Scope.ADMIN.value}: "
                "use a key that has it, or keep alerts in a file of their own"
            )


def _only(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in rows]


@lru_cache(maxsize=1)
def _encoded() -> bytes:
    return payloads.encode(apply_file.document())


class ApplySchema(OpenView):
    # Editors read it.
    is_counted = False

    @takes(is_open_to_any_query=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_encoded(), content_type="application/schema+json")
