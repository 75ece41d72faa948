"""/queues: how full each is, what waits there, its limits, edited in place, and its switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booper.timing import durations
from jobs.database import clock, row_counts, sql
from jobs.guarding import audit
from jobs.intake import queue as intake_queue
from jobs.intake.refusals import InvalidInput
from jobs.models import WAITING_STATES, Job, JobState, Queue
from jobs.pages.shell import Page
from jobs.queues import limits
from jobs.waking import announcements

SHOWN = 50
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """`tokens` is how many may start now by the rate, None without one; `period` as the API writes it."""

    queue: Queue
    waiting: int
    running: int
    tokens: int | None
    period: str


class Queues(Page):
    entry = "queues"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        mine = Queue.objects.filter(sql.owned_by(self.owner_id)).order_by("-user_id", "-id")
        older = request.GET.get("older", "")
        if older.isdecimal() and len(older) < 19:
            mine = mine.filter(id__lt=int(older))
        found = list(mine[: SHOWN + 1])
        context: dict[str, Any] = {
            "rows": _rows(found[:SHOWN], now=now),
            "most": MOST_COUNTED,
            "here": request.get_full_path(),
            "older": found[SHOWN - 1].id if len(found) > SHOWN else None,
        }
        if self.is_fragment:
            return self.part("queues_live.html", **context)
        return self.page("queues.html", title="Queues", **context)


class SetQueue(Page):
    """POST /queues/set: what PUT /api/queues/{name} does."""

    entry = "queues"

    def post(self, request: HttpRequest) -> HttpResponse:
        name, now = request.POST.get("name", "").strip(), clock.now()
        try:
            intake_queue.require_name(name)
            wanted = intake_queue.limits(_fields(request))
        except InvalidInput as refusal:
            messages.error(request, f"Nothing was changed: {refusal.detail}")
            return HttpResponseRedirect(reverse("pages:queues"))
        if not Queue.objects.filter(user_id=self.owner_id, name=name).exists():
            raise Http404("there is no such queue of yours")
        with transaction.atomic():
            queue = limits.configure(
                limits.named(self.owner_id, name, now=now),
                concurrency=wanted.concurrency,
                rate_limit=wanted.rate_limit,
                rate_seconds=wanted.rate_seconds,
                is_paused=wanted.is_paused,
                now=now,
            )
            audit.note("queue.set", user_id=self.owner_id, actor=self.actor, now=now, queue=name)
        if queue.ready_at is not None:
            transaction.on_commit(partial(announcements.announce_queues, [queue.ready_at]))
        messages.success(request, f"Queue {name} is {'paused' if wanted.is_paused else 'set'}.")
        return HttpResponseRedirect(reverse("pages:queues"))


def _fields(request: HttpRequest) -> dict[str, Any]:
    """The fields as the API takes them; what is left empty is no limit."""
    typed = {name: request.POST.get(name, "").strip() for name in ("concurrency", "limit", "period")}
    fields: dict[str, Any] = {"paused": "paused" in request.POST}
    if typed["concurrency"]:
        fields["concurrency"] = typed["concurrency"]
    if typed["limit"] or typed["period"]:
        fields["rate"] = {"limit": typed["limit"] or None, "period": typed["period"] or None}
    return fields


def _rows(queues: Sequence[Queue], *, now: datetime) -> list[Row]:
    """One query for them all, however much waits in them."""
    if not queues:
        return []
    jobs = [Job.objects.filter(queue_id=queue.id) for queue in queues]
    waiting = [each.filter(state__in=WAITING_STATES, is_upcoming=False) for each in jobs]
    running = [each.filter(state=JobState.EXECUTING) for each in jobs]
    counted = row_counts.each_up_to([*waiting, *running], MOST_COUNTED)
    return [
        Row(queue, counted[place], counted[place + len(queues)], _tokens(queue, now=now), _period(queue))
        for place, queue in enumerate(queues)
    ]


def _tokens(queue: Queue, *, now: datetime) -> int | None:
    tokens = queue.tokens_at(now)
    return None if tokens is None else int(tokens)


def _period(queue: Queue) -> str:
    return "" if queue.rate_seconds is None else " ".join(str(part) for part in durations.period(queue.rate_seconds))
