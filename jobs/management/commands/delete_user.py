"""`delete_user EMAIL --yes`: a user and all that is theirs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.database import clock
from jobs.management import people
from jobs.operating import user_removal


class Command(BaseCommand):
    help = "Deletes this user with their jobs, schedules, log, deliveries, keys and secrets. It can't be taken back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--yes", action="store_true", help="Does it; without this, nothing is deleted.")

    def handle(self, *args: Any, email: str, yes: bool, **options: Any) -> None:
        user = people.find(email)
        if not yes:
            raise CommandError(
                f"this deletes {user.email} with all that is theirs, for ever: say --yes to have it done"
            )
        count = user_removal.remove(user, now=clock.now())
        self.stdout.write(f"{email} is deleted, with {count} rows of theirs.")
