"""A message of a callback, a webhook or an alert on its way: the exact bytes, and how the sending went."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.identifiers import uuid7
from jobs.models.receiver import Receiver

if TYPE_CHECKING:
    from jobs.models.job import Job


class DeliveryKind(models.TextChoices):
    CALLBACK = "callback"
    WEBHOOK = "webhook"
    ALERT = "alert"


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> "DeliveryQuerySet":
        return self.filter(state=DeliveryState.PENDING, due_at__lte=now)

    def due_between(self, after: datetime, until: datetime) -> "models.QuerySet[Delivery, datetime]":
        """The times, in order, at which pending deliveries come due."""
        coming = self.filter(state=DeliveryState.PENDING, due_at__gt=after, due_at__lte=until)
        return coming.order_by("due_at").values_list("due_at", flat=True)


class Delivery(models.Model):
    id = models.BigAutoField(primary_key=True)
    # The `webhook-id` header: the same for every attempt, so a receiver can drop a second copy.
    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    # An alert's is of no job: it tells of an incident.
    job = models.ForeignKey(
        "jobs.Job",
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
    )
    incident = models.ForeignKey(
        "jobs.AlertIncident",
        on_delete=models.DO_NOTHING,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        editable=False,
    )
    kind = models.CharField(max_length=8, choices=DeliveryKind.choices)
    event = models.CharField(max_length=20)
    sequence = models.PositiveIntegerField(null=True, blank=True)
    url = models.CharField(max_length=2048)
    body = models.TextField()

    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    inserted_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
    attempted_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=40, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    worker_id = models.UUIDField(null=True, blank=True)
    handed_back = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="How often a worker gave it back, or was lost with it."
    )
    # Sent again on request: it has another day from then, and its waits begin anew.
    resent_at = models.DateTimeField(null=True, blank=True)
    resent_after = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The attempts it had had by then.")

    # What was known of its receiver when a worker took it up, if anything; no column.
    receiver: Receiver | None = None
    # Its job, where traces are sent; no column.
    traced_job: "Job | None" = None

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # `sequence` numbers a job's events without a double.
            models.UniqueConstraint(
                fields=["job", "sequence"], condition=Q(kind=DeliveryKind.WEBHOOK), name="delivery_sequence"
            ),
            models.CheckConstraint(
                condition=Q(kind=DeliveryKind.WEBHOOK, sequence__isnull=False, job__isnull=False)
                | Q(kind=DeliveryKind.CALLBACK, sequence__isnull=True, job__isnull=False)
                | Q(kind=DeliveryKind.ALERT, sequence__isnull=True, job__isnull=True, incident__isnull=False),
                name="delivery_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENDING, worker_id__isnull=False)
                | (~Q(state=DeliveryState.SENDING) & Q(worker_id__isnull=True)),
                name="delivery_lease",
            ),
        ]
        indexes = [
            # The claim.
            models.Index("due_at", "id", name="delivery_due", condition=Q(state=DeliveryState.PENDING)),
            # The claim when more is due than fits: an equal share for each tenant.
            models.Index("user", "due_at", "id", name="delivery_due_by_user", condition=Q(state=DeliveryState.PENDING)),
            # The rescue.
            models.Index("worker_id", name="delivery_leased", condition=Q(state=DeliveryState.SENDING)),
            # GET /api/deliveries?state=failed, and how many there are.
            models.Index("user", "id", name="delivery_failed_of_user", condition=Q(state=DeliveryState.FAILED)),
            # GET /api/deliveries
            models.Index("user", "id", name="delivery_of_user"),
            # The timeline.
            models.Index("job", "id", name="delivery_of_job"),
            # What each address answered, of the incidents of an alert.
            models.Index("incident", "id", name="delivery_of_incident", condition=Q(incident__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.subject} to {self.url}"

    @property
    def subject(self) -> str:
        """What it tells of, in words."""
        return "an alert" if self.job_id is None else f"job {self.job_id}"
