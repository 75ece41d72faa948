from django.db import migrations, models

_TAGS = models.TextField(blank=True, help_text="With a comma before and after each: `jobs.models.tags`.", null=True)


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0024_inbox"),
    ]

    operations = [
        migrations.AddField(model_name="job", name="tags", field=_TAGS),
        migrations.AddField(model_name="schedule", name="tags", field=_TAGS),
    ]
