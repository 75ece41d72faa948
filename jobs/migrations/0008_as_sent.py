"""What clients and targets sent is kept as text, so that it goes out as it came in: see docs/decisions/as-sent.md."""

from collections.abc import Callable
from typing import Any

from django.db import migrations

from jobs.migrations._column_types import retype
from jobs.models.exact_json_field import ExactJSONField

_COLUMNS = {
    "jobs_schedule": ("args", "frequency", "state", "previous"),
    "jobs_job": ("args",),
    "jobs_logevent": ("payload",),
}


def _to(kind: str) -> Callable[[Any, Any], None]:
    def convert(apps: Any, editor: Any) -> None:
        # SQLite keeps JSON as text anyway.
        if editor.connection.vendor == "postgresql":
            for table, columns in _COLUMNS.items():
                retype(editor.connection, table=table, key="id", columns=columns, kind=kind)

    return convert


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("jobs", "0007_usage_and_limits"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(_to("text"), _to("jsonb"))],
            state_operations=[
                migrations.AlterField("job", "args", ExactJSONField()),
                migrations.AlterField("logevent", "payload", ExactJSONField()),
                migrations.AlterField("schedule", "args", ExactJSONField()),
                migrations.AlterField("schedule", "frequency", ExactJSONField()),
                migrations.AlterField(
                    "schedule",
                    "previous",
                    ExactJSONField(blank=True, default=dict, help_text="What the last run answered.", null=True),
                ),
                migrations.AlterField(
                    "schedule",
                    "state",
                    ExactJSONField(blank=True, default=dict, help_text="What the target keeps with `$set`."),
                ),
            ],
        ),
    ]
