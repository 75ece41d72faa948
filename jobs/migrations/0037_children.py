from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0036_defaults_of_users_and_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="parent_uuid",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="root_uuid",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="depth",
            field=models.PositiveSmallIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="parent_answer",
            field=models.TextField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="children_made",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="1: those of `then`; 2: those of `on_failure`; 3: both.",
            ),
        ),
    ]
