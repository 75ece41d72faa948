"""Signing in by OpenID Connect, where BOOPER_OIDC_ISSUER says so; without it nothing of its library is imported."""

import importlib.util
import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from booper.identity.client import LOOPBACK, Client
from config import environment

_EXAMPLE = "https://id.example.com/realms/staff"
_NEEDED = ("BOOPER_OIDC_ISSUER", "BOOPER_OIDC_CLIENT_ID", "BOOPER_OIDC_CLIENT_SECRET")
_LONGEST = 400
_REMEDY = (
    "BOOPER_OIDC_ISSUER is set, and its library is not installed: pip install -r requirements-oidc.txt, or unset it."
)


def client() -> Client | None:
    """How people sign in by the operator's provider; None where they do not."""
    takes_passwords = environment.boolean("BOOPER_PASSWORD_SIGN_IN", True)
    set_names = sorted(name for name, value in os.environ.items() if name.startswith("BOOPER_OIDC_") and value.strip())
    if not set_names:
        if not takes_passwords:
            raise ImproperlyConfigured(
                "BOOPER_PASSWORD_SIGN_IN is false, and BOOPER_OIDC_ISSUER is not set: nobody could sign in."
            )
        return None
    missing = [name for name in _NEEDED if name not in set_names]
    if missing:
        raise ImproperlyConfigured(
            f"{set_names[0]} is set, and {', '.join(missing)} not: set {', '.join(_NEEDED)}, or unset them all."
        )
    issuer = _issuer()
    if importlib.util.find_spec("jwt") is None:
        raise ImproperlyConfigured(_REMEDY)
    return Client(
        issuer=issuer,
        client_id=environment.text("BOOPER_OIDC_CLIENT_ID"),
        client_secret=environment.text("BOOPER_OIDC_CLIENT_SECRET"),
        scopes=_scopes(),
        name=environment.text("BOOPER_OIDC_NAME", urlsplit(issuer).hostname or ""),
        email_domains=_domains(),
        makes_users=environment.boolean("BOOPER_OIDC_NEW_USERS", False),
        is_second_factor=environment.choice("BOOPER_OIDC_SECOND_FACTOR", "ask", ["ask", "provider"]) == "provider",
        takes_passwords=takes_passwords,
        ca_file=_ca_file(),
    )


def _issuer() -> str:
    issuer = environment.url("BOOPER_OIDC_ISSUER", "", schemes=("https", "http"), example=_EXAMPLE)
    parts = urlsplit(issuer)
    is_plain = issuer.isascii() and issuer.isprintable() and len(issuer) <= _LONGEST
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None or not is_plain:
        raise ImproperlyConfigured(
            f"BOOPER_OIDC_ISSUER is no issuer: write the address of the provider alone, such as {_EXAMPLE}."
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ImproperlyConfigured(
            f"BOOPER_OIDC_ISSUER is {issuer!r}: write https://, as whoever stands in between could be anybody."
        )
    return issuer


def _scopes() -> tuple[str, ...]:
    scopes = tuple(environment.text("BOOPER_OIDC_SCOPES", "openid email").replace(",", " ").split())
    if "openid" not in scopes:
        raise ImproperlyConfigured(
            f"BOOPER_OIDC_SCOPES is {' '.join(scopes)!r}: write openid among them, such as `openid email`."
        )
    return scopes


def _domains() -> tuple[str, ...]:
    domains = tuple(name.lower().removeprefix("@") for name in environment.names("BOOPER_OIDC_EMAIL_DOMAINS"))
    bad = [name for name in domains if "." not in name or "@" in name or "*" in name or " " in name]
    if bad:
        raise ImproperlyConfigured(
            f"BOOPER_OIDC_EMAIL_DOMAINS has {bad[0]!r}: write whole domains, such as example.com,example.org."
        )
    return domains


def _ca_file() -> str:
    file = environment.text("BOOPER_OIDC_CA_FILE")
    if file and not Path(file).is_file():
        raise ImproperlyConfigured(
            f"BOOPER_OIDC_CA_FILE is {file!r}: name a file with the certificates of those who may sign the provider's."
        )
    return file
