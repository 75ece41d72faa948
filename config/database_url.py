"""DATABASE_URL as Django wants it, with several PostgreSQL hosts as libpq takes them."""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_REMEDY = "write postgres://user:password@host:5432/name, several hosts as host-a:5432,host-b:5432, or sqlite:///path"


def parse(url: str) -> dict[str, Any]:
    """Django's settings for `url`; of several hosts, the first that takes writes is connected to.

    ImproperlyConfigured, without the URL as it may hold a password, where it can't be read.
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    several = hosts.split(",")
    if len(several) == 1:
        return _parse(url)
    if scheme == "sqlite" or not all(several):
        raise _refusal("a host is missing between commas")
    each = [_parse(f"{scheme}://{credentials}{at}{host}{slash}{path}") for host in several]
    database = each[0]
    database["HOST"] = ",".join(one["HOST"] for one in each)
    database["PORT"] = ",".join(str(one["PORT"] or 5432) for one in each)
    # A standby would answer every write with an error.
    database["OPTIONS"] = {"target_session_attrs": "read-write", **database.get("OPTIONS", {})}
    return database


def _parse(url: str) -> dict[str, Any]:
    try:
        return dict(dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True))
    except ValueError:
        # From nothing: what it says has the URL in it.
        raise _refusal("it can't be read") from None


def _refusal(reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"DATABASE_URL is not understood, {reason}: {_REMEDY}.")
