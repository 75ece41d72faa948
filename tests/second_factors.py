"""Users with a second factor, and what their apps show."""

from datetime import datetime

import pyotp

from jobs.guarding import recovery_codes
from jobs.models import SecondFactor, User
from tests.factories import NOON

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def give(user: User, secret: str = SECRET, *, now: datetime = NOON) -> list[str]:
    """As if it had been turned on; the recovery codes."""
    SecondFactor.objects.create(user=user, secret=secret, last_step=0)
    user.second_factor_since = now
    user.save(update_fields=["second_factor_since"])
    return recovery_codes.renew(user.pk)


def code_at(moment: datetime, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(moment)
