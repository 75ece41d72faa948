"""One request to make: what to send, when, and what has become of it so far."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.identifiers import uuid7
from jobs.models.request_fields import RequestFields
from jobs.models.state_lookup import InState


class JobState(models.TextChoices):
    """Oban's states. `available` (scheduled and due) is how a job reads, never what is stored."""

    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    EXECUTING = "executing"
    RETRYABLE = "retryable"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


WAITING_STATES = (JobState.SCHEDULED, JobState.RETRYABLE)
UNFINISHED_STATES = (*WAITING_STATES, JobState.EXECUTING)
FINISHED_STATES = (JobState.COMPLETED, JobState.CANCELLED, JobState.DISCARDED)
_STORED_STATES = [state for state in JobState.values if state != JobState.AVAILABLE]
# A job that has not started; of a schedule, the upcoming run stands for all.
HOLDS_ITS_KEY = Q(state=JobState.SCHEDULED) & (Q(schedule__isnull=True) | Q(is_upcoming=True))


def states_at(states: list[str], now: datetime) -> Q:
    """The condition that a job reads as one of `states` at `now`: `scheduled` means not yet due, `available` due."""
    wanted = Q()
    for state in states:
        match = Q(state=JobState.SCHEDULED if state == JobState.AVAILABLE else state)
        if state == JobState.SCHEDULED:
            match &= Q(scheduled_at__gt=now)
        if state == JobState.AVAILABLE:
            match &= Q(scheduled_at__lte=now)
        wanted |= match
    return wanted


class JobQuerySet(models.QuerySet["Job"]):
    def due(self, now: datetime) -> "JobQuerySet":
        return self.waiting().filter(scheduled_at__lte=now)

    def waiting(self) -> "JobQuerySet":
        """The jobs that a worker takes when they are due: a queue's wait for the queue."""
        return self.filter(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=True)

    def due_between(self, after: datetime, until: datetime) -> "models.QuerySet[Job, datetime]":
        """The times, in order, at which waiting jobs come due."""
        coming = self.waiting().filter(scheduled_at__gt=after, scheduled_at__lte=until)
        return coming.order_by("scheduled_at").values_list("scheduled_at", flat=True)

    def in_states(self, states: list[str], now: datetime) -> "JobQuerySet":
        """The jobs that read as one of `states` at `now`."""
        return self.filter(states_at(states, now))


class Job(RequestFields):
    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.SCHEDULED)

    # Set for the runs of a recurring job. Exactly one of them, while the schedule is enabled, is the upcoming one: it
    # waits for beat to fire it, and no worker claims it before.
    schedule = models.ForeignKey(
        "jobs.Schedule", on_delete=models.CASCADE, null=True, blank=True, related_name="jobs", db_index=False
    )
    occurrence_at = models.DateTimeField(null=True, blank=True, help_text="The time on the schedule's grid it is for.")
    is_upcoming = models.BooleanField(default=False)
    is_steered = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Its time is what the run before it asked for."
    )
    is_backfilled = models.BooleanField(default=False, db_default=False, help_text="Made for a time that was over.")
    queue = models.ForeignKey("jobs.Queue", on_delete=models.PROTECT, null=True, blank=True, db_index=False)

    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Cancelled if its first attempt has not begun by then."
    )

    # Of a job that follows another one, which may be gone by now: that one, the first of the chain, and how far below
    # that it is. `parent_answer` is what `$previous` stands for, as JSON text.
    parent_uuid = models.UUIDField(null=True, blank=True, editable=False)
    root_uuid = models.UUIDField(null=True, blank=True, editable=False)
    depth = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    parent_answer = models.TextField(null=True, blank=True, editable=False)
    # Once made they are not made again, however often it is retried.
    children_made = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="1: those of `then`; 2: those of `on_failure`; 3: both."
    )

    # What has become of it. Written by jobs.running.transitions alone.
    inserted_at = models.DateTimeField(editable=False)
    scheduled_at = models.DateTimeField(help_text="When it is due; for a retryable job, when it is due again.")
    attempted_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    discarded_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    event_count = models.PositiveIntegerField(default=0, help_text="The sequence number of its latest webhook event.")
    worker_id = models.UUIDField(null=True, blank=True, help_text="The process whose lease it is under.")
    # Counts no attempt: a worker that is stopped takes none from a job. Bounded, as each may have reached the target.
    handed_back = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="How often a worker gave it back without an outcome."
    )

    # Of its latest failed attempt, kept when it has ended.
    error_code = models.CharField(max_length=40, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    error_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        permissions = [("view_content", "Can see what tenants' requests and their targets' answers say")]
        constraints = [
            # The conflict that POST /api/jobs answers 200 for.
            models.UniqueConstraint(
                fields=["user", "idempotency_key"],
                condition=HOLDS_ITS_KEY & Q(idempotency_key__isnull=False),
                name="job_idempotency_key",
            ),
            models.CheckConstraint(condition=Q(state__in=_STORED_STATES), name="job_state"),
            # Nothing executes without a lease, and nothing else holds one.
            models.CheckConstraint(
                condition=Q(state=JobState.EXECUTING, worker_id__isnull=False)
                | (~Q(state=JobState.EXECUTING) & Q(worker_id__isnull=True)),
                name="job_lease",
            ),
            # Two beats that fire one run write the next one once.
            models.UniqueConstraint(fields=["schedule", "occurrence_at"], name="job_occurrence"),
            models.UniqueConstraint(fields=["schedule"], condition=Q(is_upcoming=True), name="job_one_upcoming"),
            models.CheckConstraint(
                condition=Q(is_upcoming=False) | Q(state=JobState.SCHEDULED, schedule__isnull=False),
                name="job_upcoming_waits",
            ),
        ]
        indexes = [
            # The claim, and the wake-ups for what comes due.
            models.Index(
                "scheduled_at",
                "id",
                name="job_due",
                condition=Q(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=True),
            ),
            # The claim when more is due than fits: an equal share for each tenant.
            models.Index(
                "user",
                "scheduled_at",
                "id",
                name="job_due_by_user",
                condition=Q(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=True),
            ),
            # The claim from a queue.
            models.Index(
                "queue",
                "scheduled_at",
                "id",
                name="job_due_in_queue",
                condition=Q(state__in=WAITING_STATES, is_upcoming=False, queue__isnull=False),
            ),
            # What has expired before its first attempt.
            models.Index(
                "expires_at",
                "id",
                name="job_expiring",
                condition=Q(state__in=WAITING_STATES, is_upcoming=False, attempt=0, expires_at__isnull=False),
            ),
            # How many of a queue are running, of those taken up since a time.
            models.Index(
                "queue",
                "attempted_at",
                name="job_running_in_queue_since",
                condition=Q(state=JobState.EXECUTING, queue__isnull=False),
            ),
            # What beat is to fire.
            models.Index("scheduled_at", "id", name="job_upcoming", condition=Q(is_upcoming=True)),
            # What comes next on /home, and how much; what beat is to fire of each, once more is due than fits.
            models.Index("user", "scheduled_at", "id", name="job_upcoming_of_user", condition=Q(is_upcoming=True)),
            # GET /api/jobs?schedule_id=…
            models.Index("schedule", "id", name="job_of_schedule", condition=Q(schedule__isnull=False)),
            # Whether the run before is still going, when the next one is fired.
            models.Index(
                "schedule",
                name="job_of_schedule_unfinished",
                condition=Q(schedule__isnull=False, state__in=UNFINISHED_STATES),
            ),
            # The rescue of what a dead worker held.
            models.Index("worker_id", name="job_leased", condition=Q(state=JobState.EXECUTING)),
            # GET /api/jobs: `id` rises with `inserted_at`.
            models.Index("user", "id", name="job_of_user"),
            # GET /api/jobs?state=…
            models.Index("user", "state", "id", name="job_of_user_in_state"),
            # The jobs that follow one.
            models.Index("parent_uuid", "id", name="job_of_parent", condition=Q(parent_uuid__isnull=False)),
            # GET /api/jobs?tag=…
            models.Index("user", "id", name="job_tagged_of_user", condition=Q(tags__isnull=False)),
            # GET /api/jobs?error=…
            models.Index("user", "error_code", "id", name="job_failed_of_user", condition=Q(error_code__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.name or self.url}"

    @property
    def planned_at(self) -> datetime | None:
        """When its schedule has it due, of a run: its time on the grid with jitter, or one that was asked for."""
        if self.schedule is None or self.occurrence_at is None:
            return None
        return self.occurrence_at if self.is_steered else self.schedule.due_at(self.occurrence_at)

    def state_at(self, now: datetime) -> str:
        if self.state == JobState.SCHEDULED and self.scheduled_at <= now:
            return JobState.AVAILABLE.value
        return str(self.state)


Job._meta.get_field("state").register_lookup(InState)
