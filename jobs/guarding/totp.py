"""Codes of half a minute, as authenticator apps make them (RFC 6238); the only one here who knows pyotp."""

import hmac
from datetime import datetime
from urllib.parse import urlsplit

import pyotp
from django.conf import settings

STEP_SECONDS = 30
DIGITS = 6
# A telephone's clock may be off by so many steps, either way.
_DRIFT = 1


def new_secret() -> str:
    """Base32, 160 bits."""
    return pyotp.random_base32()


def step_of(code: str, secret: str, *, after: int, now: datetime) -> int | None:
    """The step later than `after` that the code is of; None where it is of none about `now`."""
    made, current = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        if hmac.compare_digest(made.generate_otp(step), code) and step > after and found is None:
            found = step
    return found


def uri(secret: str, email: str) -> str:
    """What the QR code says: an app shows the name of this instance and the account beside the code."""
    issuer = f"Booper {urlsplit(settings.BOOPER_PUBLIC_URL).hostname or ''}".strip()
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=issuer)
