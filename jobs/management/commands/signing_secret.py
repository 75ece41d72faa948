"""`signing_secret EMAIL`: prints the `whsec_…` that a user's callbacks and webhooks are signed with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.management import people


class Command(BaseCommand):
    help = "Prints the secret (whsec_…) that this user's requests, callbacks and webhooks are signed with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        self.stdout.write(people.find(email).signing_secret)
