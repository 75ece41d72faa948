"""The settings of an instance that deletes what ended some minutes ago."""

import os

from config.settings import *  # noqa: F403

# Settings take whole days from whoever operates; here minutes.
JOB_RETENTION_DAYS = LOG_RETENTION_DAYS = float(os.environ["BENCH_RETENTION_MINUTES"]) / 1440
