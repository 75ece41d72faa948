"""When PostgreSQL sweeps the hot tables: see docs/decisions/old-snapshots.md."""

from typing import Any

from django.db import migrations

# table: (dead rows, and as a part of all, before a vacuum; changed rows, and as a part of all, before statistics).
_SETTINGS = {
    # A row dies twice a job. By default a fifth of ten million had to be dead first, all of them in the index of what is
    # due; each vacuum reads all indexes, so not much more often either.
    "jobs_job": (10_000, 0.05, 5_000, 0.02),
    "jobs_delivery": (10_000, 0.05, 5_000, 0.02),
    # A handful of rows that are written every few seconds: by the number of the dead alone.
    "jobs_queue": (500, 0, 500, 0),
    "jobs_process": (200, 0, 500, 0),
    "jobs_tally": (200, 0, 500, 0),
    "jobs_usage": (1_000, 0, 1_000, 0),
}
_NAMES = (
    "autovacuum_vacuum_threshold",
    "autovacuum_vacuum_scale_factor",
    "autovacuum_analyze_threshold",
    "autovacuum_analyze_scale_factor",
)


def _set(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        for table, values in _SETTINGS.items():
            settings = ", ".join(f"{name} = {value}" for name, value in zip(_NAMES, values, strict=True))
            editor.execute(f"ALTER TABLE {table} SET ({settings})")


def _reset(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        for table in _SETTINGS:
            editor.execute(f"ALTER TABLE {table} RESET ({', '.join(_NAMES)})")


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0014_log_by_day"),
    ]

    operations = [
        migrations.RunPython(_set, _reset),
    ]
