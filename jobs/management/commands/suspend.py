"""`suspend EMAIL`: nothing of theirs starts any more, and their calls are answered 403."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.database import clock
from jobs.guarding import suspension
from jobs.management import people


class Command(BaseCommand):
    help = "Has nothing of this user's start, and their calls answered 403; nothing of it is lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = people.find(email)
        changed = suspension.suspend(user, now=clock.now())
        said = "is suspended: nothing of theirs starts from the next second on" if changed else "is suspended already"
        self.stdout.write(f"{user.email} {said}.")
