"""What happened to a job, a row an event, never changed afterwards."""

from django.conf import settings
from django.db import models

from jobs.models.identifiers import uuid7
from jobs.models.sealed_json_field import SealedJSONField


class EventType(models.TextChoices):
    STARTED = "job.started"
    REQUEST = "worker.http.request"
    RESPONSE = "worker.http.response"
    ERROR = "job.error"
    FINISHED = "job.finished"
    CANCELLED = "job.cancelled"
    REPLACED = "job.replaced"
    DELIVERY_SENT = "delivery.sent"
    DELIVERY_FAILED = "delivery.failed"


class LogEvent(models.Model):
    # Time-ordered, so it serves as the order of GET /api/logs too and there is no index on inserted_at.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event = models.CharField(max_length=20, choices=EventType.choices)
    inserted_at = models.DateTimeField(editable=False)
    # No foreign-key check: it would lock the user's row for each of the four rows of every job.
    job = models.ForeignKey(
        "jobs.Job", on_delete=models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    attempt = models.PositiveSmallIntegerField(default=0)
    payload = SealedJSONField()

    class Meta:
        indexes = [
            # GET /api/logs
            models.Index("user", "id", name="log_of_user"),
            # GET /api/logs?job_id=… and the timeline
            models.Index("job", "id", name="log_of_job"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of job {self.job_id}"
