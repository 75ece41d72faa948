"""A running worker or beat: the lease it renews covers everything it has claimed."""

from django.db import models

from jobs.models.identifiers import uuid7


class ProcessRole(models.TextChoices):
    WORKER = "worker"
    BEAT = "beat"


class Process(models.Model):
    # One row to renew for each process, however many jobs it has on the wire.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    role = models.CharField(max_length=6, choices=ProcessRole.choices)
    name = models.CharField(max_length=255)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return f"{self.role} {self.name}"
