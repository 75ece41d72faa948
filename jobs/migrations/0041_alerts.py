import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.exact_json_field
import jobs.models.identifiers
from jobs.migrations._online import AddCheckOnline


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0040_rolled_up"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("inserted_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                ("when", jobs.models.exact_json_field.ExactJSONField()),
                ("of", jobs.models.exact_json_field.ExactJSONField(blank=True, null=True)),
                ("to", jobs.models.exact_json_field.ExactJSONField()),
                ("mute_for", jobs.models.exact_json_field.ExactJSONField(blank=True, null=True)),
                ("watched_from", models.DateTimeField(editable=False)),
                (
                    "memory",
                    jobs.models.exact_json_field.ExactJSONField(
                        default=dict, editable=False, help_text="What it has counted: `jobs.alerting.memory`."
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="AlertedEnd",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("job_id", models.BigIntegerField()),
                ("schedule_id", models.UUIDField(blank=True, null=True)),
                ("url", models.CharField(max_length=2048)),
                ("name", models.CharField(blank=True, max_length=255, null=True)),
                ("tags", models.TextField(blank=True, null=True)),
                ("queue", models.CharField(blank=True, max_length=255, null=True)),
                ("state", models.CharField(max_length=10)),
                ("error_code", models.CharField(blank=True, max_length=40, null=True)),
                ("ended_at", models.DateTimeField()),
                ("late_seconds", models.FloatField(help_text="How long after it was due its last attempt began.")),
            ],
        ),
        migrations.CreateModel(
            name="AlertIncident",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=jobs.models.identifiers.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.CharField(blank=True, help_text="`schedule:…`; empty for all.", max_length=340)),
                ("is_test", models.BooleanField(default=False)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                (
                    "fired",
                    jobs.models.exact_json_field.ExactJSONField(
                        help_text="Why, in words, and the job that it fired at."
                    ),
                ),
                (
                    "resolved",
                    jobs.models.exact_json_field.ExactJSONField(blank=True, help_text="Why it was over.", null=True),
                ),
                ("told_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="AlertWatch",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("judged_at", models.DateTimeField(editable=False)),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, editable=False, help_text="When to judge though nothing has ended.", null=True
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="delivery",
            name="delivery_sequence_of_webhooks",
        ),
        migrations.AlterField(
            model_name="delivery",
            name="job",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="jobs.job",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[("callback", "Callback"), ("webhook", "Webhook"), ("alert", "Alert")], max_length=8
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="alertedend",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="alertincident",
            name="alert",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="incidents", to="jobs.alert"
            ),
        ),
        migrations.AddField(
            model_name="alertincident",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="incident",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="deliveries",
                to="jobs.alertincident",
            ),
        ),
        AddCheckOnline(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("job__isnull", False), ("kind", "webhook"), ("sequence__isnull", False)),
                    models.Q(("job__isnull", False), ("kind", "callback"), ("sequence__isnull", True)),
                    models.Q(
                        ("incident__isnull", False),
                        ("job__isnull", True),
                        ("kind", "alert"),
                        ("sequence__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="delivery_of_its_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(models.F("user"), models.F("id"), name="alert_of_user_by_id"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(fields=("user", "name"), name="alert_of_user"),
        ),
        migrations.AddIndex(
            model_name="alertedend",
            index=models.Index(models.F("user"), models.F("id"), name="alerted_end_of_user"),
        ),
        migrations.AddIndex(
            model_name="alertincident",
            index=models.Index(models.F("alert"), models.F("id"), name="alert_incident_of_alert"),
        ),
        migrations.AddConstraint(
            model_name="alertincident",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until__isnull", True)), fields=("alert", "subject"), name="alert_incident_open"
            ),
        ),
    ]
