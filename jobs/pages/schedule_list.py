"""/schedules: what repeats, how often in words, when next, and how its last runs went."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from jobs.database import clock
from jobs.pages import owned_schedules
from jobs.pages.shell import Page


class ScheduleList(Page):
    entry = "schedules"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        rows = owned_schedules.of_user(self.owner_id).select_related("queue").defer("args", "state", "previous")
        if older := _uuid(request.GET.get("older", "")):
            rows = rows.filter(id__lt=older)
        found = list(rows.order_by("-user_id", "-id")[: owned_schedules.SHOWN + 1])
        page = found[: owned_schedules.SHOWN]
        context: dict[str, Any] = {
            "rows": owned_schedules.shown(page, now=now),
            "now": now,
            "here": request.get_full_path(),
            "older_url": "" if len(found) == len(page) else f"{_url()}?{urlencode({'older': page[-1].id})}",
            "newest_url": _url() if older else "",
        }
        if self.is_fragment:
            return self.part("schedule_list_live.html", **context)
        return self.page("schedule_list.html", title="Schedules", **context)


def _url() -> str:
    return reverse("pages:schedules")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
