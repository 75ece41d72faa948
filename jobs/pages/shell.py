"""What all pages of an owner have in common: who is reading, in which zone, and the way around."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import unquote, urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from booper.timing import recurrence
from jobs.database import clock
from jobs.guarding import reading_as, suspension
from jobs.models import User

# Whose pages an operator reads, as the page says that asks for a part of itself.
_READING = "X-Reading"
ZONE_COOKIE = "booper_zone"
_ENTRIES: Sequence[tuple[str, str, bool]] = (
    # The name of the page's URL, its label, and whether a line stands before it.
    ("home", "Home", False),
    ("jobs", "Jobs", False),
    ("schedules", "Schedules", False),
    ("queues", "Queues", False),
    ("deliveries", "Deliveries", False),
    ("failures", "Failures", False),
    ("alerts", "Alerts", False),
    ("inbox", "Inbox", False),
    ("calendars", "Calendars", True),
    ("keys", "Keys", False),
    ("secrets", "Secrets", False),
    ("limits", "Limits", False),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation."""

    url: str
    label: str
    is_here: bool
    begins_a_group: bool


class Page(LoginRequiredMixin, View):
    """A page for whoever is signed in, of what is theirs; others are led to /sign-in."""

    # The name of its entry in the navigation.
    entry = ""
    # Whether an operator who reads a tenant's pages sees it, by GET: it must write nothing, and show no address or key.
    is_shown_to_operators = False
    # Whether it is of whoever is signed in even then: their account, and signing out.
    is_of_the_reader = False
    # Whose pages an operator reads.
    tenant: User | None = None

    def get_login_url(self) -> str:
        return reverse("pages:sign_in")

    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        refuse_nul(request)
        if request.user.is_authenticated and not self.is_of_the_reader and reading_as.is_begun(request.session):
            self.tenant = reading_as.tenant_of(request.session, request.user, now=clock.now())
        with timezone.override(zone_of(request)):
            response = self._refusal(request) or super().dispatch(request, *arguments, **named)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        """What an operator gets who reads a tenant's pages and may not see this one, or wants to change something."""
        if self.is_fragment and request.headers.get(_READING, "") != (
            "" if self.tenant is None else str(self.tenant.pk)
        ):
            # The page is another one's than its part would be: the browser loads it as a whole.
            return HttpResponse(headers={"HX-Refresh": "true"})
        is_look = request.method in ("GET", "HEAD")
        if self.tenant is None:
            return self._end_what_is_over(request, is_look=is_look)
        if self.is_shown_to_operators and is_look:
            path = _noted(request)
            reading_as.note_page(request.user, self.tenant, path, is_fragment=self.is_fragment, now=clock.now())
            return None
        messages.error(request, f"Nothing was done: you only read the pages of {self.tenant.email}. Stop that first.")
        return HttpResponseRedirect(reverse("pages:home"))

    def _end_what_is_over(self, request: HttpRequest, *, is_look: bool) -> HttpResponse | None:
        """A form of a tenant's page does not act on the account of an operator whose hour has passed."""
        if self.is_of_the_reader or not request.user.is_authenticated or not reading_as.is_begun(request.session):
            return None
        reading_as.end(request, now=clock.now())
        if is_look:
            return None
        messages.error(request, "Nothing was done: you read the pages of a tenant, and that is over.")
        return HttpResponseRedirect(reverse("pages:home"))

    @property
    def owner(self) -> User:
        if self.tenant is not None:
            return self.tenant
        assert isinstance(self.request.user, User)
        return self.request.user

    @property
    def owner_id(self) -> UUID:
        return self.owner.id

    @property
    def actor(self) -> str:
        """Who is asking, for the audit trail."""
        return f"page {self.owner.email}"

    @property
    def is_fragment(self) -> bool:
        """Whether a part of a page is asked for, by htmx."""
        return self.request.headers.get("HX-Request") == "true"

    def page(self, template: str, *, title: str, status: int = 200, **context: Any) -> HttpResponse:
        shell = {
            "title": title,
            "navigation": [
                Entry(reverse(f"pages:{name}"), label, name == self.entry, is_first)
                for name, label, is_first in _ENTRIES
            ],
            "paused_at": suspension.paused_at(),
            "tenant": self.tenant,
        }
        return self.part(template, status=status, **shell, **context)

    def part(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """A template without what stands around it."""
        base = {"base_path": settings.BOOPER_BASE_PATH}
        return render(self.request, f"pages/{template}", base | context, status=status)


def refuse_nul(request: HttpRequest) -> None:
    """Raises SuspiciousOperation, answered 400: no database text holds a NUL, and no reader types one."""
    typed = (text for given in (request.GET, request.POST) for _, texts in given.lists() for text in texts)
    if any("\x00" in text or not _is_storable(text) for text in (request.path_info, *map(str, typed))):
        raise SuspiciousOperation("there is a NUL, or half a character, in what was sent: leave it out")


def _is_storable(text: str) -> bool:
    """Whether it is whole characters: a body in UTF-7 may have halves, which no database or hash takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def zone_of(request: HttpRequest) -> tzinfo:
    """The reader's, as their browser has said; UTC until it has."""
    with suppress(recurrence.InvalidZone):
        if name := unquote(request.COOKIES.get(ZONE_COOKIE, "")):
            return recurrence.zone_named(name)
    return UTC


def _noted(request: HttpRequest) -> str:
    """The page without what is searched for, which may be anything; with the other job that it shows, if it does."""
    beside = request.GET.get("beside", "")
    return f"{request.path}?{urlencode({'beside': beside})}" if beside else request.path
