"""Users by their e-mail address, as commands are given it."""

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email

from jobs.models import User


def find(email: str) -> User:
    """Raises CommandError where there is none."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"there is no user {email!r}: `create_api_key {email}` makes one")
    return user


def find_or_make(email: str) -> User:
    """Made without a password: such a user has keys only, and can't log in. Raises CommandError for no address."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise CommandError(f"{address!r} is not an e-mail address: write one such as you@example.com") from None
    return User.objects.get_or_create(email=address, defaults={"password": make_password(None)})[0]
