import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0042_alerts_by_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertLetter",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event", models.CharField(max_length=20)),
                ("url", models.CharField(help_text="`mailto:` and the address.", max_length=400)),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("inserted_at", models.DateTimeField(editable=False)),
                ("due_at", models.DateTimeField(help_text="While it is being sent, when it is taken for lost.")),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("attempted_at", models.DateTimeField(blank=True, null=True)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("failed_at", models.DateTimeField(blank=True, null=True)),
                ("error_code", models.CharField(blank=True, max_length=40, null=True)),
                ("error_message", models.TextField(blank=True, null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="letters",
                        to="jobs.alertincident",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("due_at"),
                        models.F("id"),
                        condition=models.Q(("state", "pending")),
                        name="alert_letter_due",
                    ),
                    models.Index(models.F("incident"), models.F("id"), name="alert_letter_of_incident"),
                    models.Index(models.F("user"), models.F("id"), name="alert_letter_of_user"),
                ],
            },
        ),
    ]
