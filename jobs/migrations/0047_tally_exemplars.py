from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0046_second_factor"),
    ]

    operations = [
        migrations.AddField(
            model_name="tally",
            name="exemplars",
            field=models.JSONField(null=True),
        ),
    ]
