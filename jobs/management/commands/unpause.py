"""`unpause`: what is due starts again."""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.database import clock
from jobs.guarding import suspension


class Command(BaseCommand):
    help = "Has what is due start again."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = suspension.unpause(now=clock.now())
        self.stdout.write("No longer paused." if changed else "Not paused.")
