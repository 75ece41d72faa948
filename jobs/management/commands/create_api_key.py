"""`create_api_key EMAIL [--name N]`: makes the user where there is none, and prints only the key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.database import clock
from jobs.guarding import audit, keys
from jobs.management import people
from jobs.models import Scope


class Command(BaseCommand):
    help = "Prints a new API key of the user with this e-mail address, who is made where there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="What the key is for, up to 100 characters.")
        parser.add_argument(
            "--scope", default=Scope.ADMIN.value, choices=Scope.values, help="What it may do; admin, if left out."
        )

    def handle(self, *args: Any, email: str, name: str, scope: str, **options: Any) -> None:
        if len(name) > 100:
            raise CommandError(f"--name has {len(name)} characters: write at most 100")
        user = people.find_or_make(email)
        if not user.is_active:
            raise CommandError(f"{user.email} is not active, so no key of theirs would be taken: activate them first")
        _, token = keys.issue(
            user.id,
            name=name,
            scope=Scope(scope),
            expires_at=None,
            actor=audit.COMMAND,
            now=clock.now(),
        )
        self.stdout.write(token)
