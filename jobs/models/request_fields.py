"""What a client asked for, common to a job and to the schedule that makes jobs."""

from django.db import models

from jobs.models.sealed_json_field import SealedJSONField

REQUEST_FIELDS = (
    "args",
    "method",
    "url",
    "name",
    "description",
    "idempotency_key",
    "callback_url",
    "webhook_url",
    "timeout_seconds",
    "max_attempts",
    "backoff_seconds",
    "queue_id",
    "tags",
)
# For the statements of jobs.database.sql: their PostgreSQL types.
REQUEST_COLUMNS = {
    **dict.fromkeys(REQUEST_FIELDS, "text"),
    "backoff_seconds": "jsonb",
    "timeout_seconds": "double precision",
    "max_attempts": "smallint",
    "queue_id": "bigint",
}


class RequestFields(models.Model):
    """`args` is the request as the client sent it; the other columns are how it was understood."""

    args = SealedJSONField()
    method = models.CharField(max_length=6)
    url = models.CharField(max_length=2048)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    callback_url = models.CharField(max_length=2048, null=True, blank=True)
    webhook_url = models.CharField(max_length=2048, null=True, blank=True)
    timeout_seconds = models.FloatField()
    max_attempts = models.PositiveSmallIntegerField()
    backoff_seconds = models.JSONField(null=True, blank=True)
    tags = models.TextField(null=True, blank=True, help_text="With a comma before and after each: `jobs.models.tags`.")

    class Meta:
        abstract = True
