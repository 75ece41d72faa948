"""Settings that only make sense together, checked at boot: what is wrong stops the process and says what to change."""

import sqlite3
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connection

from booper.identity.client import LOOPBACK

_OLDEST_SQLITE = (3, 35)


@register
def check_database(**_: Any) -> Sequence[CheckMessage]:
    """The claim is an UPDATE … RETURNING."""
    if connection.vendor == "postgresql":
        return []
    if connection.vendor != "sqlite":
        hint = "Set DATABASE_URL to a postgres:// or sqlite:// URL."
        return [
            Error(f"DATABASE_URL names {connection.vendor}, which Booper does not run on.", hint=hint, id="booper.E001")
        ]
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        hint = "Use a Python with a newer SQLite, or set DATABASE_URL to a postgres:// URL."
        return [
            Error(
                f"SQLite is {sqlite3.sqlite_version}, and 3.35 is the oldest that works.", hint=hint, id="booper.E002"
            )
        ]
    return []


@register
def check_visibility(**_: Any) -> Sequence[CheckMessage]:
    """Redis hands a message that waits for its eta out again after the visibility time-out."""
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout")
    if visibility is not None and visibility < 2 * settings.WAKE_HORIZON_SECONDS:
        hint = f"Set WAKE_HORIZON_SECONDS to at most {visibility // 2}."
        return [
            Error("WAKE_HORIZON_SECONDS is too near the broker's visibility time-out.", hint=hint, id="booper.E003")
        ]
    return []


@register
def check_broker_certificate(**_: Any) -> Sequence[CheckMessage]:
    if not settings.BROKER_VERIFY_CERTIFICATE:
        hint = "Name who signs it in BROKER_CA_FILE, and take BROKER_VERIFY_CERTIFICATE=false away."
        problem = "The broker's certificate is not verified: whoever stands in between can read and forge wake-ups."
        return [Warning(problem, hint=hint, id="booper.W002")]
    return []


@register
def check_way_back(**_: Any) -> Sequence[CheckMessage]:
    """The provider leads people back to BOOPER_PUBLIC_URL, with the code in the address."""
    public = urlsplit(settings.BOOPER_PUBLIC_URL)
    if settings.BOOPER_OIDC is None or public.scheme == "https" or public.hostname in LOOPBACK:
        return []
    hint = "Set BOOPER_PUBLIC_URL to the https:// address that people open, and register it with the provider."
    problem = "People come back from the provider of BOOPER_OIDC_ISSUER by http://, which most providers refuse."
    return [Warning(problem, hint=hint, id="booper.W003")]


@register
def check_retention(**_: Any) -> Sequence[CheckMessage]:
    if settings.JOB_RETENTION_DAYS < settings.LOG_RETENTION_DAYS:
        hint = "Set JOB_RETENTION_DAYS to at least LOG_RETENTION_DAYS."
        return [Warning("Log rows would outlive the jobs they tell of.", hint=hint, id="booper.W001")]
    return []
