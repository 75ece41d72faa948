"""Jobs: every tenant's, to look at; cancel, retry and run now go through jobs.actions, one job after the other."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from booper.content import redaction, visible_text
from jobs.admin import content, job_actions, job_columns, job_page
from jobs.admin.content import ContentAdmin
from jobs.admin.dashboard import OVERDUE_AFTER
from jobs.admin.job_actions import ActionCount, Operation
from jobs.admin.kit import search
from jobs.admin.kit.changelist import IndexedFilter, SlowFilter
from jobs.admin.kit.columns import owner, owner_page
from jobs.admin.kit.filters import BeforeNumberFilter, GivenFilter, InsertedFilter, NumberFilter, OwnerFilter
from jobs.admin.kit.read_only import Section
from jobs.database import clock
from jobs.guarding import audit
from jobs.models import FINISHED_STATES, UNFINISHED_STATES, WAITING_STATES, Job, JobState
from jobs.waking import announcements

# True of every job; but it is by this that PostgreSQL sees that its three partial indexes cover all that wait.
_WHEREVER_IT_WAITS = (
    Q(is_upcoming=False, queue__isnull=True) | Q(is_upcoming=False, queue__isnull=False) | Q(is_upcoming=True)
)


class StateFilter(SlowFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in JobState]

    def is_slow(self) -> bool:
        # The unfinished ones have partial indexes, as long as there are such jobs.
        return self.value() in FINISHED_STATES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = self.value()
        if not state:
            return queryset
        if state not in JobState.values:
            raise IncorrectLookupParameters(f"state is {state!r}: write one of {', '.join(JobState.values)}")
        found = Job.objects.in_states([state], clock.now())
        return queryset & (found if self.is_slow() or state == JobState.EXECUTING else found.filter(_WHEREVER_IT_WAITS))


class DueFilter(IndexedFilter):
    """When a job that waits is due."""

    title = "due"
    parameter_name = "due"
    spans = {
        "hour": ("Within an hour", timedelta(hours=1)),
        "day": ("Within 24 hours", timedelta(days=1)),
        "week": ("Within 7 days", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("late", "Late"),
            ("overdue", "Overdue, outside queues"),
            *((value, label) for value, (label, _) in self.spans.items()),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = clock.now()
        waiting = queryset.filter(_WHEREVER_IT_WAITS, state__in=WAITING_STATES)
        if self.value() == "late":
            return waiting.filter(scheduled_at__lte=now)
        if self.value() == "overdue":
            # As the dashboard counts: in a queue a job is late as often as not by its owner's wish.
            return waiting.filter(scheduled_at__lte=now - OVERDUE_AFTER).filter(
                Q(is_upcoming=False, queue__isnull=True) | Q(is_upcoming=True)
            )
        span = self.spans.get(self.value() or "")
        return queryset if span is None else waiting.filter(scheduled_at__gt=now, scheduled_at__lte=now + span[1])


class ScheduleFilter(GivenFilter):
    title = "schedule"
    parameter_name = "schedule"
    column = "schedule_id"


class WorkerFilter(GivenFilter):
    """What a process has on the wire."""

    title = "worker"
    parameter_name = "worker"
    column = "worker_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        leased = queryset.filter(state=JobState.EXECUTING) if self.value() else queryset
        return super().queryset(request, leased)


class QueueFilter(NumberFilter):
    """What waits or runs in a queue; what has ended there is in no index."""

    title = "queue"
    parameter_name = "queue"
    column = "queue_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waiting, running = Q(state__in=WAITING_STATES, is_upcoming=False), Q(state=JobState.EXECUTING)
        unfinished = queryset.filter(waiting | running) if self.value() else queryset
        return super().queryset(request, unfinished)


@admin.register(Job)
class JobAdmin(ContentAdmin):
    list_display = (
        job_columns.identity,
        job_columns.standing,
        job_columns.due,
        job_columns.outcome,
        owner,
        job_columns.what,
    )
    list_filter = (
        StateFilter,
        DueFilter,
        InsertedFilter,
        OwnerFilter,
        ScheduleFilter,
        WorkerFilter,
        QueueFilter,
        BeforeNumberFilter,
    )
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = (
        "A job's number or UUID, a schedule's UUID, an owner's e-mail address (its beginning is enough), "
        "or a part of a name or URL."
    )
    shown_as = {"id": str, "name": str, "url": redaction.redacted_url}
    heavy_columns = ("args", "description", "parent_answer")
    actions = ("cancel_selected", "run_selected_now", "retry_selected")
    sections = (
        Section(
            "Request",
            (
                content.content,
                job_columns.whole_request,
                job_columns.query,
                job_columns.headers,
                job_columns.body,
                job_columns.callback_url,
                job_columns.webhook_url,
            ),
        ),
        Section(
            "Time",
            (
                (job_columns.due, job_columns.inserted_at, job_columns.attempted_at),
                (job_columns.completed_at, job_columns.cancelled_at, job_columns.discarded_at),
                (job_columns.attempts, job_columns.timeout, job_columns.backoff),
                job_columns.lease,
            ),
        ),
        Section(
            "Whose and what for",
            (
                (owner_page, "uuid"),
                (job_columns.whole_name, job_columns.idempotency_key),
                job_columns.description,
                (job_columns.whole_schedule, job_columns.queue),
                (job_columns.follows, job_columns.followed_by),
                job_columns.shown_tags,
            ),
        ),
        Section("As its owner sent it", (job_columns.as_sent,), is_folded=True),
    )

    def matching(self, term: search.Term) -> Q:
        match term.kind:
            case search.TermKind.NUMBER:
                return Q(pk=term.value)
            case search.TermKind.UUID:
                return Q(uuid=term.value) | Q(schedule_id=term.value)
            case search.TermKind.EMAIL:
                return Q(user_id__in=search.owner_ids(str(term.value)))
            case search.TermKind.TEXT:
                return Q(name__icontains=term.value) | Q(url__icontains=term.value)

    def title_of(self, row: Job) -> str:
        return f"{row.id} {visible_text.visible(row.name or redaction.redacted_url(row.url))}"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_job")

    @admin.action(description="Cancel the selected jobs", permissions=["operate"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Asks first, and says how many it is about: those that have not ended, and are no upcoming runs."""
        selected = list(queryset.values_list("state", "is_upcoming")[: job_actions.MOST_AT_ONCE + 1])
        count = sum(state in UNFINISHED_STATES and not is_upcoming for state, is_upcoming in selected)
        if "confirmed" not in request.POST and count and len(selected) <= job_actions.MOST_AT_ONCE:
            context = {
                **self.admin_site.each_context(request),
                "title": "Cancel the selected jobs?",
                "count": count,
                "others": len(selected) - count,
                "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "is_across": request.POST.get("select_across", "0"),
            }
            return TemplateResponse(request, "admin/jobs/job/cancel_selected.html", context)
        self._operate_on_selected(request, job_actions.CANCEL, queryset)
        return None

    @admin.action(description="Run the selected jobs now", permissions=["operate"])
    def run_selected_now(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._operate_on_selected(request, job_actions.RUN_NOW, queryset)

    @admin.action(description="Retry the selected jobs", permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._operate_on_selected(request, job_actions.RETRY, queryset)

    def _operate_on_selected(self, request: HttpRequest, operation: Operation, queryset: QuerySet[Job]) -> None:
        selected = list(queryset[: job_actions.MOST_AT_ONCE + 1])
        if len(selected) > job_actions.MOST_AT_ONCE:
            refusal = f"More than {job_actions.MOST_AT_ONCE} jobs are selected, and nothing was done: select fewer."
            self.message_user(request, refusal, messages.ERROR)
            return
        self._operate(request, operation, selected)

    def _operate(self, request: HttpRequest, operation: Operation, jobs: list[Job]) -> None:
        tally = job_actions.apply(operation, jobs, clock=clock.now)
        transaction.on_commit(partial(announce, tally))
        self.log_together(request, tally.done, f"{operation.label}.")
        if tally.done:
            done = {"operation": operation.label, "jobs": [job.pk for job in tally.done]}
            audit.note("jobs.operated", user_id=None, actor=audit.operator(request.user), now=clock.now(), **done)
        level = messages.SUCCESS if len(tally.done) == len(jobs) else messages.WARNING
        self.message_user(request, tally.sentence(), level)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.operate_view)
        return [path("<int:job_id>/<slug:name>/now/", view, name="jobs_job_operate"), *super().get_urls()]

    def operate_view(self, request: HttpRequest, job_id: int, name: str) -> HttpResponse:
        """The buttons on a job's page. POST alone: a link must not cancel anything."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_operate_permission(request):
            raise PermissionDenied
        if name not in job_actions.OPERATIONS:
            raise Http404(f"{name!r} cannot be done to a job: {', '.join(job_actions.OPERATIONS)} can")
        job = get_object_or_404(Job, id=job_id)
        self._operate(request, job_actions.OPERATIONS[name], [job])
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=(job.id,)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        now = clock.now()
        job: Job = context["original"]
        context |= {
            "page": job_page.read(job, now=now),
            "state": job.state_at(now),
            "can_operate": self.has_operate_permission(request),
        }
        return super().render_change_form(request, context, *args, **kwargs)


def announce(tally: ActionCount) -> None:
    """Wakes a worker for what is due now: the jobs, and the webhooks that tell of a cancellation."""
    done = tally.done
    announcements.announce_jobs(
        [job.scheduled_at for job in done if job.state in WAITING_STATES and not job.is_upcoming]
    )
    ended = [job.cancelled_at for job in done if job.webhook_url and job.cancelled_at is not None]
    announcements.announce_deliveries(ended)
