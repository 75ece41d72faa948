from django.db import migrations, models

from jobs.migrations._online import AddConstraintOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0018_schedule_key"),
    ]

    operations = [
        AddConstraintOnline(
            model_name="schedule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at__isnull", True), ("key__isnull", False)),
                fields=("user", "key"),
                name="schedule_key",
            ),
        ),
    ]
