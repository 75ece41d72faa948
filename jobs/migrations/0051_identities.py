import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0050_password_resets"),
    ]

    operations = [
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("issuer", models.CharField(editable=False, max_length=500)),
                ("subject", models.CharField(editable=False, max_length=255)),
                ("bound_at", models.DateTimeField(editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "identities",
                "constraints": [
                    models.UniqueConstraint(fields=("issuer", "subject"), name="identity_of_provider"),
                    models.UniqueConstraint(fields=("user", "issuer"), name="identity_of_user"),
                ],
            },
        ),
    ]
