"""Where a user's callbacks and webhooks go, once something went wrong there: since when, why, whether it is off."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.identifiers import uuid7

_LONGEST_ORIGIN = 300


def origin_of(url: str) -> str:
    """`https://example.com:8443` of any URL there: what is up or down is a server, not each of its paths."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"[:_LONGEST_ORIGIN]


class ReceiverQuerySet(models.QuerySet["Receiver"]):
    def failing(self) -> "ReceiverQuerySet":
        return self.filter(failing_since__isnull=False)


class Receiver(models.Model):
    """There is no row for a receiver that never failed: a delivery that goes well writes nothing here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No foreign-key check: a user deleted while a request is on the wire must not fail the batch that records it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    origin = models.CharField(max_length=_LONGEST_ORIGIN)
    failing_since = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField()
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=40, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)

    objects = ReceiverQuerySet.as_manager()

    class Meta:
        constraints = [
            # The look-up of each batch of deliveries, and GET /api/receivers.
            models.UniqueConstraint(fields=["user", "origin"], name="receiver_of_user"),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True) | Q(failing_since__isnull=False),
                name="receiver_off_because_it_fails",
            ),
        ]

    def __str__(self) -> str:
        return self.origin
