"""`create_api_key EMAIL [--name N]`: makes the user where there is none, and prints only the key."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from jobs.database import clock
from jobs.guarding import audit, keys
from jobs.models import Scope, User


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
        user = _user(email.strip().lower())
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


def _user(email: str) -> User:
    try:
        validate_email(email)
    except ValidationError:
        raise CommandError(f"{email!r} is not an e-mail address: write one such as you@example.com") from None
    # Without a password: such a user has keys only and can't log in to the admin.
    return User.objects.get_or_create(email=email, defaults={"password": make_password(None)})[0]
