"""A time in which a host of a tenant was parked, as it brought failures alone: since when, and until when."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.identifiers import uuid7

LONGEST_ORIGIN = 300


class ParkedHost(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No foreign-key check: beat writes it for tenants that may be deleted meanwhile.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # Two beats that see it write it once; and those that go on.
            models.UniqueConstraint(fields=["user", "origin"], condition=Q(until__isnull=True), name="parked_host_now"),
        ]
        indexes = [
            # The incidents on /home, the newest first.
            models.Index("user", "since", name="parked_host_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} since {self.since:%Y-%m-%d %H:%M}"
