"""`first_user`: an instance without any user gets an administrator with a key; told once, as JSON."""

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.db import IntegrityError, transaction

from jobs.guarding import inbox, sign_in_links
from jobs.models import ApiKey, User

EMAIL = "admin@booper.local"


class Command(BaseCommand):
    help = (
        'Prints {"email", "password", "api_key", "sign_in_path", "inbox_path", "created"}: an administrator, '
        "if there is no user; later only where the inbox of that one is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        account = None if User.objects.exists() else _make()
        nothing = {"email": None, "password": None, "api_key": None, "sign_in_path": None}
        said = {**(account or nothing), "inbox_path": _inbox_path(), "created": account is not None}
        self.stdout.write(json.dumps(said))


def _inbox_path() -> str | None:
    """Below the path that the instance stands at; None where the first user is gone, or was another one."""
    user = User.objects.filter(email=EMAIL).first()
    return None if user is None else inbox.path_of(inbox.of_user(user.id))


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
