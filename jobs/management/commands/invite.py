"""`invite EMAIL`: makes the user where there is none, and prints a link to choose a password with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.database import clock
from jobs.guarding import audit, invitations
from jobs.management import people


class Command(BaseCommand):
    help = "Prints a link, good once and for a day, with which this user chooses a password; made where there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = people.find_or_make(email)
        if not user.is_active:
            raise CommandError(f"{user.email} is not active, so no password would let them in: activate them first")
        self.stdout.write(invitations.link(user, actor=audit.COMMAND, now=clock.now()))
