"""`second_factor_off EMAIL`: for who has lost device and recovery codes; ends all their sessions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.database import clock
from jobs.guarding import audit, second_factor
from jobs.management import people


class Command(BaseCommand):
    help = "Turns this user's second factor off, and signs them out everywhere; their password lets them in then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = people.find(email)
        was_on = second_factor.reset(user, actor=audit.COMMAND, now=clock.now())
        said = "has no second factor any more, and is signed out everywhere" if was_on else "has no second factor"
        self.stdout.write(f"{user.email} {said}.")
