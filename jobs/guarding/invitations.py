"""Links with which somebody chooses a password: good once, for a day, and for one user."""

from datetime import datetime

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from jobs.guarding import audit, public_links
from jobs.models import User


class InvitationTokens(PasswordResetTokenGenerator):
    """Good until the password is another one, the user has logged in, or PASSWORD_RESET_TIMEOUT is over."""

    key_salt = "jobs.guarding.invitations"


tokens = InvitationTokens()


def path(user: User) -> str:
    return f"/invite/{urlsafe_base64_encode(force_bytes(user.pk))}/{tokens.make_token(user)}/"


def link(user: User, *, actor: str, now: datetime) -> str:
    """The whole address, which whoever has it may use: it is told to the operator alone."""
    audit.note("user.invited", user_id=user.id, actor=actor, now=now)
    return public_links.to(path(user))
