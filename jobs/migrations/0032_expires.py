from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0031_handed_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="expires_at",
            field=models.DateTimeField(
                blank=True, help_text="Cancelled if its first attempt has not begun by then.", null=True
            ),
        ),
    ]
