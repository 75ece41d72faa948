from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0019_schedule_key_is_unique"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="signed_out_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
