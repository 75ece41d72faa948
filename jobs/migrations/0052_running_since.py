from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0051_identities"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="running_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("queue"),
                models.F("attempted_at"),
                condition=models.Q(("queue__isnull", False), ("state", "executing")),
                name="job_running_in_queue_since",
            ),
        ),
        RemoveIndexOnline(model_name="job", name="job_running_in_queue"),
    ]
