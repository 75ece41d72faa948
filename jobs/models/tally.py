"""What one process has counted since it started, written every few seconds, for whichever web process is asked."""

from uuid import UUID

from django.db import models

# Counts of processes that are gone are added up in this row, so that no total ever falls.
OF_THE_GONE = UUID(int=0)


class Tally(models.Model):
    # A row a process: no two ever write the same one.
    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(max_length=255)
    # {series: number}; all of them only rise, so they can be added up.
    counts = models.JSONField(default=dict)
    # {series: number}; how things are in this process right now.
    gauges = models.JSONField(default=dict)
    # {histogram: {place: an attempt with a trace}}; null where no traces are sent.
    exemplars = models.JSONField(null=True)
    flushed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return self.name
