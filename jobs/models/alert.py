"""What its owner wants to be told of: an alert, each time it fired, and what has ended since it was last judged."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.exact_json_field import ExactJSONField
from jobs.models.identifiers import uuid7

LONGEST_SUBJECT = 340
DEFAULT_MUTE = [1, "days"]
"""Of an alert that has no `mute_for`, as it is shown."""


class AlertWatch(models.Model):
    """A user who has alerts: while there is a row, what ends of theirs is noted. Whoever judges or edits locks it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    judged_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When to judge though nothing has ended."
    )

    def __str__(self) -> str:
        return f"alerts of {self.user_id}"


class AlertedEnd(models.Model):
    """A job that has ended, of a user who has alerts, until it is judged: then the row goes."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    job_id = models.BigIntegerField()
    schedule_id = models.UUIDField(null=True, blank=True)
    url = models.CharField(max_length=2048)
    name = models.CharField(max_length=255, null=True, blank=True)
    tags = models.TextField(null=True, blank=True)
    queue = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=10)
    error_code = models.CharField(max_length=40, null=True, blank=True)
    ended_at = models.DateTimeField()
    late_seconds = models.FloatField(help_text="How long after it was due its last attempt began.")

    class Meta:
        # What is to be judged of a user, in its order.
        indexes = [models.Index("user", "id", name="alerted_end_of_user")]

    def __str__(self) -> str:
        return f"job {self.job_id} {self.state}"


class Alert(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    name = models.CharField(max_length=100)
    inserted_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    # What its owner sent.
    when = ExactJSONField()
    of = ExactJSONField(null=True, blank=True)
    to = ExactJSONField()
    mute_for = ExactJSONField(null=True, blank=True)

    # What happened before is not looked at: its making, or the last change of `when` or `of`.
    watched_from = models.DateTimeField(editable=False)
    memory = ExactJSONField(default=dict, editable=False, help_text="What it has counted: `jobs.alerting.memory`.")
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="alert_of_user")]
        # The list of them.
        indexes = [models.Index("user", "id", name="alert_of_user_by_id")]

    def __str__(self) -> str:
        return self.name


class AlertIncident(models.Model):
    """One time that an alert fired, of one subject: a schedule, a host, a receiver, or all that it is about."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="incidents", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    subject = models.CharField(max_length=LONGEST_SUBJECT, blank=True, help_text="`schedule:…`; empty for all.")
    is_test = models.BooleanField(default=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    fired = ExactJSONField(help_text="Why, in words, and the job that it fired at.")
    resolved = ExactJSONField(null=True, blank=True, help_text="Why it was over.")
    told_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Fires once: of one subject there is one at a time.
            models.UniqueConstraint(
                fields=["alert", "subject"], condition=Q(until__isnull=True), name="alert_incident_open"
            ),
        ]
        indexes = [
            # The incidents of an alert.
            models.Index("alert", "id", name="alert_incident_of_alert"),
            # The last incidents on /home.
            models.Index("user", "id", name="alert_incident_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.subject}"
