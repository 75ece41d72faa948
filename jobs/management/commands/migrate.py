"""`manage.py migrate`, that waits for no lock longer than moments: who waits for one holds up all that come after."""

import time
from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

_LOCK_SECONDS = 1
_TRIES = 120
# Of two that wait for each other, PostgreSQL gives up either.
_NOT_NOW = (LockNotAvailable, DeadlockDetected)


class Command(DjangoCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        """What was applied before a try failed stays; the next goes on with the rest."""
        connection = connections[options["database"]]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
        for tried in range(1, _TRIES + 1):
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if tried == _TRIES or not isinstance(error.__cause__, _NOT_NOW):
                    raise
                self.stdout.write(f"\n  a lock was not had within {_LOCK_SECONDS} s, once more ({tried})")
                time.sleep(1.0)
            else:
                break
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
