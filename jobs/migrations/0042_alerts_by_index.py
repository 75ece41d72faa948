from django.db import migrations, models

from jobs.migrations._online import AddIndexOnline, ValidateCheck


class Migration(migrations.Migration):
    # Beside what goes on, on PostgreSQL: that is not possible within a transaction.
    atomic = False

    dependencies = [
        ("jobs", "0041_alerts"),
    ]

    operations = [
        ValidateCheck(model_name="delivery", name="delivery_of_its_kind"),
        AddIndexOnline(
            model_name="delivery",
            index=models.Index(
                models.F("incident"),
                models.F("id"),
                condition=models.Q(("incident__isnull", False)),
                name="delivery_of_incident",
            ),
        ),
        AddIndexOnline(
            model_name="schedule",
            index=models.Index(
                models.F("user"),
                models.F("disabled_at"),
                condition=models.Q(("deleted_at__isnull", True), ("disabled_at__isnull", False)),
                name="schedule_disabled_of_user",
            ),
        ),
    ]
