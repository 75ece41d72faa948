"""Schedules of all tenants: how often, when next, whose; switched off and on, and run, as their owner would."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html

from booper.content import redaction, visible_text
from booper.timing import recurrence
from jobs.admin import content
from jobs.admin.content import ContentAdmin
from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.changelist import SlowFilter
from jobs.admin.kit.filters import BeforeFilter, OwnerFilter
from jobs.admin.kit.read_only import Section
from jobs.database import clock
from jobs.guarding import audit, charges
from jobs.guarding.limits import LimitReached
from jobs.models import Job, Schedule
from jobs.recurring import schedules
from jobs.recurring.schedules import Refused
from jobs.waking import announcements

_MOST_AT_ONCE = 500
_NAME_LENGTH, _URL_LENGTH, _WORDS_LENGTH = 40, 60, 80
_LONGEST_SHOWN = 20_000
_BY_THE_OPERATOR = "the operator disabled it"


class EnabledFilter(SlowFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("enabled", "Enabled"), ("disabled", "Disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("enabled", "disabled"):
            return queryset
        return queryset.filter(disabled_at__isnull=self.value() == "enabled")


@admin.display(description="what")
def what(row: Schedule) -> str:
    called = row.name or row.key
    name = format_html("{}<br>", _text(called, limit=_NAME_LENGTH)) if called else ""
    url = markup.text(redaction.redacted_url(row.url), limit=_URL_LENGTH)
    return format_html("{}<b>{}</b> {}", name, row.method.upper(), url)


@admin.display(description="state")
def state(row: Schedule) -> str:
    return markup.badge("enabled" if row.disabled_at is None else "disabled")


@admin.display(description="runs")
def words(row: Schedule) -> str:
    zone = "" if row.timezone == "UTC" else f", {row.timezone}"
    return markup.text(f"{recurrence.describe(row.grid)}{zone}", limit=_WORDS_LENGTH)


@admin.display(description="next run")
def next_run(row: Any) -> str:
    return markup.moment(row.next_run_at)


@admin.display(description="jobs")
def jobs_of(row: Schedule) -> str:
    return markup.link("jobs_job_changelist", query=f"?schedule={row.pk}", label="its runs")


@admin.display(description="name")
def name(row: Schedule) -> str:
    return _text(row.name)


@admin.display(description="key")
def key(row: Schedule) -> str:
    return _text(row.key)


@admin.display(description="managed by")
def managed_by(row: Schedule) -> str:
    return _text(row.managed_by)


@admin.display(description="made")
def made(row: Schedule) -> str:
    return markup.moment(row.inserted_at)


@admin.display(description="disabled")
def disabled(row: Schedule) -> str:
    if row.disabled_at is None:
        return markup.NOTHING
    return format_html("{} {}", markup.moment(row.disabled_at), _text(row.disabled_reason))


@admin.display(description="request")
def request_line(row: Schedule) -> str:
    return format_html("<b>{}</b> {}", row.method.upper(), markup.text(redaction.redacted_url(row.url)))


@admin.display(description="as its owner sent it")
def as_sent(row: Schedule) -> str:
    return markup.json_block(content.of(row, row.args), limit=_LONGEST_SHOWN)


@admin.display(description="$state")
def kept(row: Schedule) -> str:
    return markup.json_block(content.of(row, row.state), limit=_LONGEST_SHOWN)


def _text(value: str | None, *, limit: int = 0) -> str:
    return markup.text(redaction.redacted_text(value) if value else value, limit=limit)


@admin.register(Schedule)
class ScheduleAdmin(ContentAdmin):
    list_display = (what, state, words, next_run, columns.owner, jobs_of)
    list_filter = (EnabledFilter, OwnerFilter, BeforeFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = (
        "A schedule's UUID, its key, an owner's e-mail address (its beginning is enough), or a part of a name or URL."
    )
    # A key is found as a whole alone.
    shown_as = {"key": str, "name": redaction.redacted_text, "url": redaction.redacted_url}
    heavy_columns = ("args", "description", "state", "previous")
    actions = ("disable_selected", "enable_selected", "run_selected")
    sections = (
        Section(
            None,
            (
                (state, disabled),
                (words, next_run),
                request_line,
                (name, key, managed_by),
                (columns.owner_page, jobs_of),
                (made, "run_count", "discarded_in_a_row"),
                ("overlap", "catch_up", "id"),
                content.content,
                as_sent,
                kept,
            ),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        upcoming = Job.objects.filter(schedule_id=OuterRef("pk"), is_upcoming=True).values("scheduled_at")[:1]
        existing = super().get_queryset(request).filter(deleted_at__isnull=True)
        rows: QuerySet[Any] = existing.annotate(next_run_at=Subquery(upcoming))
        return rows

    def matching(self, term: search.Term) -> Q:
        match term.kind:
            case search.TermKind.UUID:
                return Q(pk=term.value)
            case search.TermKind.EMAIL:
                return Q(user_id__in=search.owner_ids(str(term.value)))
            case _:
                typed = str(term.value)
                return Q(name__icontains=typed) | Q(url__icontains=typed) | Q(key=typed)

    def title_of(self, row: Schedule) -> str:
        called = row.name or row.key
        return visible_text.visible(redaction.redacted_text(called) if called else redaction.redacted_url(row.url))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.change_schedule"))

    @admin.action(description="Disable the selected schedules", permissions=["operate"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        def disable(row: Schedule, now: datetime) -> object:
            disabled = schedules.disable(row, reason=_BY_THE_OPERATOR, now=now)
            if disabled is not None and disabled.webhook_url:
                transaction.on_commit(partial(announcements.announce_deliveries, [now]))
            return disabled

        self._operate(
            request, queryset, disable, action="schedule.disabled", done="disabled", missed="disabled already"
        )

    @admin.action(description="Enable the selected schedules", permissions=["operate"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        def enable(row: Schedule, now: datetime) -> object:
            return schedules.enable(row, now=now)

        self._operate(request, queryset, enable, action="schedule.enabled", done="enabled", missed="enabled already")

    @admin.action(description="Run the selected schedules once, now", permissions=["operate"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        def run(row: Schedule, now: datetime) -> object:
            try:
                charges.charge(row.user, jobs=1, now=now)
            except LimitReached as reached:
                return Refused(str(reached))
            job = schedules.trigger(row, now=now)
            transaction.on_commit(partial(announcements.announce_job, job))
            return job

        self._operate(request, queryset, run, action="schedule.triggered", done="due now", missed="left alone")

    def _operate(
        self,
        request: HttpRequest,
        queryset: QuerySet[Schedule],
        act: Callable[[Schedule, datetime], object],
        *,
        action: str,
        done: str,
        missed: str,
    ) -> None:
        rows = list(queryset[: _MOST_AT_ONCE + 1])
        if len(rows) > _MOST_AT_ONCE:
            refusal = f"More than {_MOST_AT_ONCE} schedules are selected, and nothing was done: select fewer."
            self.message_user(request, refusal, messages.ERROR)
            return
        acted, now, actor = [], clock.now(), audit.operator(request.user)
        for row in rows:
            with transaction.atomic():
                came = act(row, now)
                if came is not None and not isinstance(came, Refused):
                    acted.append(row)
                    audit.note(action, user_id=row.user_id, actor=actor, now=now, schedule=str(row.pk))
            if isinstance(came, Refused):
                self.message_user(request, f"{self.title_of(row)} was left as it is: {came.reason}.", messages.WARNING)
        self.log_together(request, acted, f"{action}.")
        others = len(rows) - len(acted)
        sentence = f"{len(acted)} {done}" + (f", {others} {missed}" if others else "") + "."
        self.message_user(request, sentence, messages.WARNING if others else messages.SUCCESS)
