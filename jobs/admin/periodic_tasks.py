"""The entries of django-celery-beat: those of schedules say whose they are, and are run as their owner would."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin as Original
from django_celery_beat.models import PeriodicTask

from jobs.admin.kit import markup
from jobs.admin.kit.paginator import BoundedPaginator
from jobs.database import clock
from jobs.guarding import audit
from jobs.models import Schedule
from jobs.recurring import beat_entries, schedules
from jobs.waking import announcements

_NAME_LENGTH = 40


class PeriodicTaskAdmin(Original):  # type: ignore[misc]
    list_display = ("called", "enabled", "scheduler", "begins", "last_run", "one_off", "whose")
    # There may be as many as schedules: counts, dates and the tasks that there are would be looked for among them all.
    date_hierarchy = None
    list_filter = ("enabled", "one_off")
    ordering = ("-pk",)
    paginator = BoundedPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        entries: QuerySet[PeriodicTask] = super().get_queryset(request)
        return entries.select_related("booper_schedule__user")

    @admin.display(description="name", ordering="name")
    def called(self, entry: PeriodicTask) -> str:
        return markup.text(entry.name, limit=_NAME_LENGTH)

    @admin.display(description="not before", ordering="start_time")
    def begins(self, entry: PeriodicTask) -> str:
        return markup.moment(entry.start_time)

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, entry: PeriodicTask) -> str:
        return markup.moment(entry.last_run_at)

    @admin.display(description="whose")
    def whose(self, entry: PeriodicTask) -> str:
        schedule: Schedule | None = getattr(entry, "booper_schedule", None)
        return markup.NOTHING if schedule is None else markup.text(schedule.user.email, limit=28)

    @admin.action(description="Run selected tasks")
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> Any:
        """A run of each schedule is made, once, now: its own task only fires what is due, and would do nothing."""
        ours = Schedule.objects.existing().filter(periodic_task__in=queryset.filter(task=beat_entries.TASK))
        now, made = clock.now(), []
        for schedule in ours:
            job = schedules.trigger(schedule, now=now)
            transaction.on_commit(partial(announcements.announce_job, job))
            made.append(job.id)
        if made:
            actor = audit.operator(request.user)
            audit.note("schedules.triggered", user_id=None, actor=actor, now=now, jobs=made)
            self.message_user(request, f"Made and due now: job {', '.join(map(str, made))}.", messages.SUCCESS)
        others = queryset.exclude(task=beat_entries.TASK)
        return super().run_tasks(request, others) if others.exists() else None


admin.site.unregister(PeriodicTask)
admin.site.register(PeriodicTask, PeriodicTaskAdmin)
