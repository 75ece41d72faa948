from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0010_switches"),
    ]

    operations = [
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("user"),
                models.F("scheduled_at"),
                models.F("id"),
                condition=models.Q(
                    ("is_upcoming", False), ("queue__isnull", True), ("state__in", ("scheduled", "retryable"))
                ),
                name="job_due_by_user",
            ),
        ),
        AddIndexOnline(
            model_name="delivery",
            index=models.Index(
                models.F("user"),
                models.F("due_at"),
                models.F("id"),
                condition=models.Q(("state", "pending")),
                name="delivery_due_by_user",
            ),
        ),
        RemoveIndexOnline(model_name="job", name="job_due_of_user"),
        RemoveIndexOnline(model_name="delivery", name="delivery_due_of_user"),
    ]
