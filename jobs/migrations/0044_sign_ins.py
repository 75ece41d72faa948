import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0043_alert_letters"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("session_key", models.CharField(editable=False, max_length=40, unique=True)),
                ("stamp", models.CharField(editable=False, max_length=16)),
                (
                    "began_at",
                    models.DateTimeField(editable=False, help_text="Null: before sign-ins were noted.", null=True),
                ),
                ("used_at", models.DateTimeField(editable=False, help_text="Noted every few minutes.")),
                ("address", models.CharField(editable=False, max_length=64)),
                ("browser", models.CharField(editable=False, max_length=60)),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(models.F("used_at"), name="sign_in_used_at")],
            },
        ),
    ]
