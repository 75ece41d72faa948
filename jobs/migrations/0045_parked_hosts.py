import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0044_sign_ins"),
    ]

    operations = [
        migrations.CreateModel(
            name="ParkedHost",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("origin", models.CharField(max_length=300)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
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
                "indexes": [models.Index(models.F("user"), models.F("since"), name="parked_host_of_user")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until__isnull", True)), fields=("user", "origin"), name="parked_host_now"
                    )
                ],
            },
        ),
    ]
