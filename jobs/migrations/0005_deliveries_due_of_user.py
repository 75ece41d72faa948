from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0004_failed_deliveries"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("user"),
                models.F("due_at"),
                condition=models.Q(("state", "pending")),
                name="delivery_due_of_user",
            ),
        ),
    ]
