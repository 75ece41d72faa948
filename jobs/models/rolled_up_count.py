"""How jobs went, counted by their owner and the minute, hour and day in which they ended: what charts are made of."""

from django.conf import settings
from django.db import models

MINUTE, HOUR = 60, 3600
# In the place of 86,400, which the column does not hold.
DAY = 1


class Of(models.TextChoices):
    """What a count is of: all that a user has, or what goes to one host, or the runs of one schedule."""

    ALL = "all"
    HOST = "host"
    SCHEDULE = "schedule"


class RolledUpCount(models.Model):
    # No foreign-key check: it would lock the rows of all whose jobs ended, every few seconds.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    of = models.CharField(max_length=8, choices=Of.choices)
    # The length of time that begins `at`: MINUTE, HOUR, and of hosts and schedules alone DAY.
    seconds = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    # The host, or the schedule's uuid; nothing where it is of all, and of those beyond the ones that are told apart.
    key = models.CharField(max_length=255, default="", blank=True)
    completed = models.PositiveBigIntegerField(default=0)
    discarded = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0, help_text="Attempts, those after which a job was discarded too.")
    # {place of jobs.telemetry.spread: how many}; of all alone.
    late = models.JSONField(default=dict)
    took = models.JSONField(default=dict)

    class Meta:
        constraints = [
            # A count is there once; and what /home reads, in its order.
            models.UniqueConstraint(fields=["user", "of", "seconds", "at", "key"], name="rolled_up_count"),
        ]
        indexes = [
            # What is old, to be deleted.
            models.Index("seconds", "at", name="rolled_up_count_at"),
        ]

    def __str__(self) -> str:
        return f"{self.of} {self.key} at {self.at:%Y-%m-%d %H:%M}"


class RolledUpTo(models.Model):
    """One row: up to where the log is counted. Who counts on moves it, in one guarded UPDATE."""

    log_id = models.UUIDField()

    class Meta:
        verbose_name_plural = "rolled up to"

    def __str__(self) -> str:
        return str(self.log_id)
