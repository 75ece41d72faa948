"""`first_user`: an instance without any user gets an administrator with a key; told once, as JSON."""

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.db import IntegrityError, transaction

from jobs.guarding import sign_in_links
from jobs.models import ApiKey, User

EMAIL = "admin@booper.local"


class Command(BaseCommand):
    help = 'Prints {"email", "password", "api_key", "sign_in_path", "created"}: an administrator, if there is no user.'

    def handle(self, *args: Any, **options: Any) -> None:
        account = None if User.objects.exists() else _make()
        nothing = {"email": None, "password": None, "api_key": None, "sign_in_path": None}
        self.stdout.write(json.dumps({**(account or nothing), "created": account is not None}))


def _make() -> dict[str, str] | None:
    """Makes the user and a key. None if somebody else was faster: the unique e-mail address lets one through."""
    password = secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            user = User.objects.create_superuser(EMAIL, password)
            _, token = ApiKey.issue(user.id, name="first user")
    except IntegrityError:
        return None
    return {"email": EMAIL, "password": password, "api_key": token, "sign_in_path": sign_in_links.path(user)}
