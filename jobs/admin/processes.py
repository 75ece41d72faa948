"""Worker and beat processes: who is alive, and how much each has on the wire."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from booper.timing.spans import span
from jobs.admin.kit import markup, search
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.database import clock
from jobs.models import Job, JobState, Process


@admin.display(description="state")
def liveness(process: Process) -> str:
    return markup.badge("alive" if process.lease_expires_at > clock.now() else "expired")


@admin.display(description="process")
def name(process: Process) -> str:
    return markup.text(process.name)


@admin.display(description="last heard of")
def heartbeat(process: Process) -> str:
    return f"{span(clock.now() - process.heartbeat_at)} ago"


@admin.display(description="lease until")
def lease(process: Process) -> str:
    return markup.moment(process.lease_expires_at)


@admin.display(description="running since")
def started(process: Process) -> str:
    return markup.moment(process.started_at)


@admin.display(description="on the wire")
def on_the_wire(process: Any) -> str:
    count = process.on_the_wire
    if not count:
        return "0"
    return markup.link(
        "jobs_job_changelist", query=f"?worker={process.id}", label="1 job" if count == 1 else f"{count} jobs"
    )


@admin.register(Process)
class ProcessAdmin(ReadOnlyAdmin):
    list_display = (name, "role", liveness, heartbeat, on_the_wire, started, lease)
    list_filter = ("role",)
    sections = (Section(None, (name, "role", liveness, heartbeat, lease, started, on_the_wire, "id")),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Process]:
        # By the index of leased jobs, of which there are never more than the workers have room for.
        leased = Job.objects.filter(worker_id=OuterRef("pk"), state=JobState.EXECUTING).order_by().values("worker_id")
        count = Subquery(leased.annotate(count=Count("pk")).values("count"), output_field=IntegerField())
        processes: QuerySet[Process] = super().get_queryset(request).annotate(on_the_wire=Coalesce(count, 0))
        return processes

    def matching(self, term: search.Term) -> Q:
        return Q(pk=term.value) if term.kind == search.TermKind.UUID else Q(name__icontains=str(term.value))
