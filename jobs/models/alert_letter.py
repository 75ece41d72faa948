"""What tells of an alert by e-mail, to its owner, or by a service: the text, and how the sending went."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.delivery import DeliveryState
from jobs.models.identifiers import uuid7


class AlertLetter(models.Model):
    # In the header Message-ID: the same for every attempt.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    incident = models.ForeignKey(
        "jobs.AlertIncident", on_delete=models.DO_NOTHING, related_name="letters", db_constraint=False, db_index=False
    )
    event = models.CharField(max_length=20)
    # Or a service's URL.
    url = models.CharField(max_length=400, help_text="`mailto:` and the address.")
    title = models.CharField(max_length=200)
    text = models.TextField()

    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    inserted_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(help_text="While it is being sent, when it is taken for lost.")
    attempt = models.PositiveSmallIntegerField(default=0)
    attempted_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)

    class Meta:
        indexes = [
            # Those that are to be sent.
            models.Index("due_at", "id", name="alert_letter_due", condition=Q(state=DeliveryState.PENDING)),
            # The incidents of an alert.
            models.Index("incident", "id", name="alert_letter_of_incident"),
            # How many its owner got lately.
            models.Index("user", "id", name="alert_letter_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.url}"
