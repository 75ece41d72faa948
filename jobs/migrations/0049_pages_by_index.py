from django.db import migrations, models
from django.db.models import Q

from jobs.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("jobs", "0048_rolled_up_days"),
    ]

    operations = [
        AddIndexOnline(
            model_name="job",
            index=models.Index(
                "user", "scheduled_at", "id", name="job_upcoming_of_user", condition=Q(is_upcoming=True)
            ),
        ),
        AddIndexOnline(
            model_name="schedule",
            index=models.Index(
                "user",
                "id",
                name="schedule_with_calendars",
                condition=Q(deleted_at__isnull=True) & (Q(skip_on__isnull=False) | Q(only_on__isnull=False)),
            ),
        ),
        AddIndexOnline(
            model_name="alertincident",
            index=models.Index("user", "id", name="alert_incident_of_user"),
        ),
    ]
