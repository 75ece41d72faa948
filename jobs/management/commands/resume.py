"""`resume EMAIL`: what is theirs starts again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.database import clock
from jobs.guarding import suspension
from jobs.management import people


class Command(BaseCommand):
    help = "Has what is this user's start again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = people.find(email)
        changed = suspension.resume(user, now=clock.now())
        said = "is resumed" if changed else "is not suspended"
        self.stdout.write(f"{user.email} {said}.")
