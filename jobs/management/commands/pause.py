"""`pause`: nothing of anybody's starts."""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.database import clock
from jobs.guarding import suspension


class Command(BaseCommand):
    help = "Has nothing of anybody's start; nothing is lost."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = suspension.pause(now=clock.now())
        self.stdout.write(
            "Paused: nothing starts from the next second on. `manage.py unpause` ends it."
            if changed
            else "Paused already."
        )
