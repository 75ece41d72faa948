from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0032_expires"),
    ]

    operations = [
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("expires_at"),
                models.F("id"),
                condition=models.Q(
                    ("attempt", 0),
                    ("expires_at__isnull", False),
                    ("is_upcoming", False),
                    ("state__in", ("scheduled", "retryable")),
                ),
                name="job_expiring",
            ),
        ),
    ]
