"""Whether passwords sign anybody in: they do, unless the operator has left that to the provider alone."""

from django.conf import settings

REFUSAL = "No passwords are taken here: sign in by the button."


def are_taken() -> bool:
    return settings.BOOPER_OIDC is None or settings.BOOPER_OIDC.takes_passwords
