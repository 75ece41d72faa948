"""`signing_secret EMAIL`: prints the `whsec_…` that a user's callbacks and webhooks are signed with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.models import User


class Command(BaseCommand):
    help = "Prints the secret (whsec_…) that this user's requests, callbacks and webhooks are signed with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"there is no user {email!r}: `create_api_key {email}` makes one")
        self.stdout.write(user.signing_secret)
