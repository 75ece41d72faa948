"""What somebody did that others may have to know of a year later: signed in, made a key, suspended a tenant."""

from django.conf import settings
from django.db import models

from jobs.models.identifiers import uuid7


class AuditEvent(models.Model):
    # Time-ordered: the order of the list, and of what is old.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(editable=False)
    # Whose keys, limits or jobs it was done to. No foreign-key check: the trail outlives its user.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    email = models.CharField(max_length=254, help_text="The user's address back then.")
    actor = models.CharField(max_length=300, help_text="Who did it: an API key, an operator, a command.")
    action = models.CharField(max_length=60)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # One user's trail, newest first.
            models.Index("user", "id", name="audit_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"
