"""Queues of all tenants: their limits, what runs and how long the oldest waits; paused and resumed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html

from booper.content import redaction, visible_text
from booper.timing.spans import span
from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.changelist import SlowFilter
from jobs.admin.kit.filters import BeforeNumberFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.database import clock
from jobs.guarding import audit
from jobs.models import WAITING_STATES, Job, JobState, Queue
from jobs.queues import limits
from jobs.waking import announcements

_MOST_AT_ONCE = 500
_NAME_LENGTH = 40


class PausedFilter(SlowFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("paused", "Paused")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("open", "paused"):
            return queryset
        return queryset.filter(paused_at__isnull=self.value() == "open")


@admin.display(description="queue")
def name(row: Queue) -> str:
    return markup.text(redaction.redacted_text(row.name), limit=_NAME_LENGTH)


@admin.display(description="name")
def whole_name(row: Queue) -> str:
    return markup.text(redaction.redacted_text(row.name))


@admin.display(description="state")
def state(row: Queue) -> str:
    if row.paused_at is None:
        return markup.badge("open")
    since = span(clock.now() - row.paused_at)
    return format_html('{}<br><span class="timing">for {}</span>', markup.badge("paused"), since)


@admin.display(description="runs")
def running(row: Any) -> str:
    return f"{row.running:,}" if row.concurrency is None else f"{row.running:,} of {row.concurrency:,}"


@admin.display(description="rate")
def rate(row: Queue) -> str:
    if row.rate_limit is None or row.rate_seconds is None:
        return markup.NOTHING
    return f"{row.rate_limit:,} in {span(row.rate_seconds)}"


@admin.display(description="oldest that is due")
def oldest(row: Any) -> str:
    if row.oldest_due_at is None:
        return markup.NOTHING
    return f"for {span(clock.now() - row.oldest_due_at)}"


@admin.display(description="jobs")
def jobs_of(row: Queue) -> str:
    return markup.link("jobs_job_changelist", query=f"?queue={row.pk}", label="its jobs")


@admin.display(description="made")
def made(row: Queue) -> str:
    return markup.moment(row.inserted_at)


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    list_display = (name, state, running, rate, oldest, columns.owner, jobs_of)
    list_filter = (PausedFilter, OwnerFilter, BeforeNumberFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "An owner's e-mail address (its beginning is enough), their UUID, or a part of a name."
    shown_as = {"name": redaction.redacted_text}
    actions = ("pause_selected", "resume_selected")
    sections = (Section(None, ((state, made), (running, rate, oldest), whole_name, (columns.owner_page, jobs_of))),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # By the indexes of what runs and of what is due in a queue, of which the first alone is read.
        own = Job.objects.filter(queue_id=OuterRef("pk")).order_by()
        running = own.filter(state=JobState.EXECUTING).values("queue_id").annotate(count=Count("pk")).values("count")
        due = own.filter(
            state__in=WAITING_STATES, is_upcoming=False, queue__isnull=False, scheduled_at__lte=clock.now()
        )
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                running=Coalesce(Subquery(running, output_field=IntegerField()), 0),
                oldest_due_at=Subquery(due.order_by("queue_id", "scheduled_at", "id").values("scheduled_at")[:1]),
            )
        )
        return rows

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        if term.kind == search.TermKind.UUID:
            return Q(user_id=term.value)
        return Q(name__icontains=str(term.value))

    def title_of(self, row: Queue) -> str:
        return visible_text.visible(redaction.redacted_text(row.name))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.change_queue"))

    @admin.action(description="Pause the selected queues", permissions=["operate"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set(request, queryset, limits.pause, is_paused=True)

    @admin.action(description="Resume the selected queues", permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set(request, queryset, limits.resume, is_paused=False)

    def _set(
        self, request: HttpRequest, queryset: QuerySet[Queue], act: Callable[..., bool], *, is_paused: bool
    ) -> None:
        done, now, actor = [], clock.now(), audit.operator(request.user)
        for row in queryset.filter(paused_at__isnull=is_paused)[:_MOST_AT_ONCE]:
            with transaction.atomic():
                if act(row, now=now):
                    done.append(row)
                    audit.note("queue.set", user_id=row.user_id, actor=actor, now=now, queue=row.name, paused=is_paused)
        if done and not is_paused:
            transaction.on_commit(partial(announcements.announce_queues, [now]))
        verb = "paused" if is_paused else "resumed"
        self.log_together(request, done, f"{verb.capitalize()}.")
        self.message_user(request, f"{len(done)} {verb}.")
