"""sentinel:// as BROKER_URL: Redis whose master is asked for from Sentinels, before and after a failover."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

_EXAMPLE = "sentinel://user:password@a:26379,b:26379,c:26379/0?master=NAME"
_REST = re.compile(r"(?P<account>.*@)?(?P<hosts>[^@/?#;]*)(/(?P<database>[0-9]{0,5}))?(\?(?P<query>[^#]*))?")
_DEFAULT_PORT = 26379
# Of each Sentinel: the next one is asked soon, as a master that is lost has often taken its machine's Sentinel along.
_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Sentinels:
    """What BROKER_URL says. `url` is kombu's way to write it, which names each Sentinel with all that follows it."""

    url: str
    master: str
    is_encrypted: bool

    def options(self, *, username: str, password: str, tls: dict[str, Any]) -> dict[str, Any]:
        """kombu's transport options; `username`, `password` and `tls` are for the Sentinels."""
        account = {"username": username} if username else {}
        account |= {"password": password} if password else {}
        return {
            "master_name": self.master,
            "sentinel_kwargs": {
                "socket_timeout": _SECONDS,
                "socket_connect_timeout": _SECONDS,
                # By itself the client would try one that is away again, for seconds, before it asks another.
                "retry": None,
                **({"ssl": True, **tls} if self.is_encrypted else {}),
                **account,
            },
        }


def is_meant(url: str) -> bool:
    return url.startswith(("sentinel://", "sentinels://"))


def parse(url: str) -> Sentinels:
    """Raises ImproperlyConfigured, without the URL as it may hold a password, where it can't be read."""
    scheme, _, rest = url.partition("://")
    # urlsplit takes one host, and a password may have a comma in it.
    match = _REST.fullmatch(rest)
    if match is None or "://" in rest:
        raise _refusal("it can't be read")
    hosts = [_host(entry) for entry in match["hosts"].split(",")]
    query = dict(parse_qsl(match["query"] or "", keep_blank_values=True))
    master = query.pop("master", "")
    if not master:
        raise _refusal("it does not say which master the Sentinels are asked for")
    if query:
        raise _refusal(f"{', '.join(query)} is not known")
    # kombu splits there.
    account = (match["account"] or "").replace(";", "%3B")
    urls = [f"sentinel://{account}{host}/{match['database'] or 0}" for host in hosts]
    return Sentinels(";".join(urls), master, is_encrypted=scheme == "sentinels")


def _host(entry: str) -> str:
    try:
        split = urlsplit(f"//{entry}")
        host, port = split.hostname, split.port or _DEFAULT_PORT
    except ValueError:
        raise _refusal("a host or its port can't be read") from None
    if not host:
        raise _refusal("a host is missing between commas")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refusal(reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"BROKER_URL is not understood, {reason}: write {_EXAMPLE}.")
