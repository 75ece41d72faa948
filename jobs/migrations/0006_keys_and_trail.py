from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.identifiers


def give_ids(apps: Any, schema_editor: Any) -> None:
    """The keys that exist get an id of their own each: there are few of them."""
    keys = apps.get_model("jobs", "ApiKey").objects
    for key_id in list(keys.values_list("id", flat=True)):
        keys.filter(id=key_id).update(uuid=jobs.models.identifiers.uuid7())


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0005_deliveries_due_of_user"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="last_four",
            field=models.CharField(blank=True, editable=False, max_length=4),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scope",
            field=models.CharField(
                choices=[("read", "Read"), ("write", "Write"), ("admin", "Admin")], default="admin", max_length=5
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="uuid",
            field=models.UUIDField(default=None, editable=False, null=True),
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="apikey",
            name="uuid",
            field=models.UUIDField(default=jobs.models.identifiers.uuid7, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="user",
            name="retired_secrets",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="signing_secret_made_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(editable=False)),
                ("email", models.CharField(help_text="The user's address back then.", max_length=254)),
                (
                    "actor",
                    models.CharField(help_text="Who did it: an API key, an operator, a command.", max_length=300),
                ),
                ("action", models.CharField(max_length=60)),
                ("details", models.JSONField(default=dict)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(models.F("user"), models.F("id"), name="audit_of_user")],
            },
        ),
    ]
