import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.encryption
import jobs.models.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0049_pages_by_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="PasswordReset",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("typed", jobs.models.encryption.EncryptedTextField(editable=False)),
                ("address", models.CharField(editable=False, help_text="Where it was asked from.", max_length=64)),
                ("asked_at", models.DateTimeField(editable=False)),
                (
                    "due_at",
                    models.DateTimeField(
                        editable=False,
                        help_text="While it is being sent, when it is taken for lost; null once it is out.",
                        null=True,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("token_hash", models.CharField(editable=False, max_length=64, null=True, unique=True)),
                ("password_was", models.CharField(default="", editable=False, max_length=64)),
                ("expires_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        null=True,
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
                        condition=models.Q(("due_at__isnull", False)),
                        name="password_reset_due",
                    )
                ],
            },
        ),
    ]
