from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0025_tags"),
    ]

    operations = [
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("user"),
                models.F("id"),
                condition=models.Q(("tags__isnull", False)),
                name="job_tagged_of_user",
            ),
        ),
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                models.F("user"),
                models.F("error_code"),
                models.F("id"),
                condition=models.Q(("error_code__isnull", False)),
                name="job_failed_of_user",
            ),
        ),
    ]
