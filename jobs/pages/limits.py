"""/limits: what the owner may have, and how much of it is used."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from jobs.database import clock
from jobs.guarding import holdings, limits, rates
from jobs.pages.shell import Page


@dataclass(frozen=True, slots=True)
class Row:
    """`allowed` is 0 where there is no limit."""

    name: str
    label: str
    used: int | None
    allowed: int
    note: str = ""


class Limits(Page):
    entry = "limits"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        overrides, now = self.owner.limits, clock.now()
        held = [Row(each.name, each.label, each.used, each.allowed) for each in holdings.of_user(self.owner)]
        allowed = limits.allowed(limits.STORED_BYTES, overrides)
        stored = rates.stored_bytes.standing(self.owner_id.hex, allowed=allowed, now=now).used if allowed else None
        rows = [
            Row(
                limits.REQUESTS.name,
                "Requests",
                None,
                limits.allowed(limits.REQUESTS, overrides),
                "of each key, a minute",
            ),
            *held,
            Row(limits.STORED_BYTES.name, "Bytes stored", stored, allowed, "a day"),
        ]
        return self.page("limits.html", title="Limits", rows=rows)
