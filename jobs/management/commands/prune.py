"""`manage.py prune`: deletes what is older than the retention settings, now and to the end."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.database import clock
from jobs.operating import retention


class Command(BaseCommand):
    help = "Deletes jobs, log and deliveries that are older than JOB_RETENTION_DAYS and LOG_RETENTION_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=1000, help="rows in one transaction (1000)")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        if batch < 1:
            raise CommandError(f"--batch is {batch}: write a number of rows of at least 1")
        pruned = asdict(retention.prune(now=clock.now(), pace=retention.Pace(batch=batch)))
        del pruned["is_all"]
        self.stdout.write(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in pruned.items()) + " deleted")
