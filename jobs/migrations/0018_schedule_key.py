from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0017_disabled_reason"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="key",
            field=models.CharField(blank=True, max_length=128, null=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="managed_by",
            field=models.CharField(blank=True, max_length=255, null=True),
        ),
    ]
