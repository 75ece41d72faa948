from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0038_children_by_parent"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="is_steered",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="Its time is what the run before it asked for.",
            ),
        ),
    ]
