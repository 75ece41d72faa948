from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0037_children"),
    ]

    operations = [
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("parent_uuid"),
                models.F("id"),
                condition=models.Q(("parent_uuid__isnull", False)),
                name="job_of_parent",
            ),
        ),
    ]
