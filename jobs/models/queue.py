"""A user's named queue: how many of its jobs run at once, how fast they start, and whether they start at all."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q


class QueueQuerySet(models.QuerySet["Queue"]):
    def ready(self, now: datetime) -> "QueueQuerySet":
        return self.filter(ready_at__lte=now)

    def stuck(self, since: datetime) -> "QueueQuerySet":
        """Those that may start something since then, and no worker has looked; not of owners that are suspended."""
        return self.filter(ready_at__lt=since, user__suspended_at__isnull=True)


class Queue(models.Model):
    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False)
    name = models.CharField(max_length=255)
    inserted_at = models.DateTimeField(editable=False)

    concurrency = models.PositiveIntegerField(null=True, blank=True, help_text="Most at once; empty: no limit.")
    # A token bucket: `rate_limit` starts each `rate_seconds`, saved up to that many.
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    rate_seconds = models.FloatField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    tokens = models.FloatField(default=0, editable=False)
    refilled_at = models.DateTimeField(editable=False)
    # When it may next have something to start: what is not due, full, out of tokens or paused is not looked at.
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)
    # None of its jobs that are executing was taken up before: where counting those begins. Null: it is not known.
    running_since = models.DateTimeField(null=True, editable=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="queue_name"),
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True, rate_seconds__isnull=True)
                | Q(rate_limit__gt=0, rate_seconds__gt=0),
                name="queue_rate",
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True) | Q(ready_at__isnull=True), name="queue_paused_is_not_ready"
            ),
        ]
        indexes = [
            # The claim.
            models.Index("ready_at", name="queue_ready", condition=Q(ready_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    def tokens_at(self, now: datetime) -> float | None:
        """How many may start now by the rate, fractions included; None without a rate."""
        if self.rate_limit is None or self.rate_seconds is None:
            return None
        earned = max(0.0, (now - self.refilled_at).total_seconds()) * self.rate_limit / self.rate_seconds
        return min(float(self.rate_limit), self.tokens + earned)
