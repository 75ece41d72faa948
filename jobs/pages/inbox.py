"""/inbox: what has arrived at the reader's address, as it arrives, and what is answered there."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.content import exact_json, redaction
from jobs.database import clock
from jobs.guarding import inbox
from jobs.intake import inbox as intake_inbox
from jobs.intake.refusals import InvalidInput
from jobs.models import InboxRequest
from jobs.pages.shell import Page

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Row:
    """`doubt` is why its signature is not good; empty if it is."""

    request: InboxRequest
    headers: Any
    body: Any
    is_json: bool
    doubt: str


class InboxPage(Page):
    entry = "inbox"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        typed = {name: request.POST.get(name, "").strip() for name in intake_inbox.FIELDS}
        try:
            inbox.choose(self.owner_id, intake_inbox.chosen({name: value for name, value in typed.items() if value}))
        except InvalidInput as refusal:
            messages.error(request, f"Nothing was changed: {refusal.detail}")
        else:
            messages.success(request, "That is what it answers from now on.")
        return HttpResponseRedirect(reverse("pages:inbox"))

    def shown(self) -> HttpResponse:
        now, found = clock.now(), inbox.of_user(self.owner_id)
        rows = inbox.requests(self.owner_id, now=now).order_by("-id")[:_SHOWN]
        context: dict[str, Any] = {
            "inbox": found,
            "address": inbox.address_of(found),
            "rows": [self._row(row) for row in rows],
            "now": now,
        }
        if self.is_fragment:
            return self.part("inbox_live.html", **context)
        return self.page("inbox.html", title="Inbox", **context)

    def _row(self, row: InboxRequest) -> Row:
        body, is_json = _body(bytes(row.body))
        headers = redaction.redacted({"headers": row.head.get("headers", {})})["headers"]
        return Row(row, headers, redaction.redacted(body), is_json, inbox.signature(row, self.owner))


class ClearInbox(Page):
    entry = "inbox"

    def post(self, request: HttpRequest) -> HttpResponse:
        inbox.clear(self.owner_id)
        messages.success(request, "The inbox is empty.")
        return HttpResponseRedirect(reverse("pages:inbox"))


class RotateInbox(Page):
    entry = "inbox"

    def post(self, request: HttpRequest) -> HttpResponse:
        inbox.rotate(self.owner_id, actor=self.actor, now=clock.now())
        messages.success(request, "This is another address. The one before takes nothing any more.")
        return HttpResponseRedirect(reverse("pages:inbox"))


def _body(content: bytes) -> tuple[Any, bool]:
    """The body as JSON if it is some, else as text."""
    try:
        return exact_json.loads(content.decode()), True
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace"), False
