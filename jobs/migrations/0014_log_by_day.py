"""The log is partitioned by the day on PostgreSQL: see docs/decisions/retention.md."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

from jobs.migrations._log_by_day import take_over


def _take_over(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        take_over(editor.connection, now=datetime.now(UTC))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("jobs", "0013_sealed_headers"),
    ]

    operations = [
        # Backwards there is nothing to do: the versions before read and write such a table as any other.
        migrations.RunPython(_take_over, migrations.RunPython.noop),
    ]
