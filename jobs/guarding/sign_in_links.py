"""Links that sign their user in: good once, for a day. `bin/up` prints one to whoever has started the instance."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from jobs.models import User


class SignInTokens(PasswordResetTokenGenerator):
    """Good until the user has signed in, the password is another one, or PASSWORD_RESET_TIMEOUT is over."""

    key_salt = "jobs.guarding.sign_in_links"


tokens = SignInTokens()


def path(user: User) -> str:
    """Below the path that the instance stands at."""
    return f"/sign-in/{user.id}/{tokens.make_token(user)}"
