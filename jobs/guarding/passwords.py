"""Whether passwords sign anybody in: they do, unless the operator has left that to the provider alone."""

from django.conf import settings

from jobs.models import User

REFUSAL = "No passwords are taken here: sign in by the button."


def has_one(user: User) -> bool:
    """Whether `user` has one that signs them in, so that it can be asked for again."""
    return are_taken() and user.has_usable_password()


def are_taken() -> bool:
    return settings.BOOPER_OIDC is None or settings.BOOPER_OIDC.takes_passwords
