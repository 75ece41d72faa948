from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0026_filters"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="handed_back",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="How often a worker gave it back without an outcome.",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="handed_back",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="How often a worker gave it back, or was lost with it.",
            ),
        ),
    ]
