"""The proxy that all requests leave by, where this installation has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from booper.targets.ports import parse_port

EXAMPLES = "http://user:password@proxy.example.com:3128 or socks5://proxy.example.com:1080"

Scheme = Literal["http", "socks5"]
_SCHEMES: tuple[Scheme, ...] = ("http", "socks5")
# Of SOCKS5 (RFC 1929); HTTP has no bound of its own.
_LONGEST_CREDENTIAL = 255


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is and who we are to it. What is shown of it has no password."""

    scheme: Scheme
    host: str
    """A name, or an address without brackets."""
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_address(self) -> bool:
        """Whether its host is an address, that nobody has to look up."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True


def parse_proxy(text: str) -> Proxy:
    """The proxy of a URL such as `EXAMPLES`. ValueError: what is wrong with it, without anything of what it holds."""
    try:
        parts = urlsplit(text)
        port_text = _port_text(parts)
    except ValueError:
        raise ValueError("it is no URL") from None
    scheme = next((known for known in _SCHEMES if known == parts.scheme), None)
    if scheme is None or not text.lower().startswith(f"{scheme}://"):
        raise ValueError(f"it does not begin with one of {', '.join(f'{known}://' for known in _SCHEMES)}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("it has more than user, password, host and port: percent-encode /, ? and # in a password")
    port = parse_port(port_text)
    if port is None:
        raise ValueError("it has no port from 1 to 65535")
    user, password = _credential(parts.username), _credential(parts.password)
    if password is not None and not user:
        raise ValueError("it has a password and no user")
    if scheme == "http" and ":" in (user or ""):
        raise ValueError("its user has a colon, which HTTP has no way to send")
    return Proxy(scheme, _host(parts), port, user or None, password)


def _port_text(parts: SplitResult) -> str:
    rest = parts.netloc.rpartition("@")[2]
    return rest.rpartition(":")[2] if ":" in rest.rpartition("]")[2] else ""


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc.rpartition("@")[2]:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise ValueError("what it has in brackets is no IPv6 address") from None
    if not host.isascii() or not all(
        part and part.replace("-", "").replace("_", "").isalnum() for part in host.split(".")
    ):
        raise ValueError("it has no host, a DNS name in ASCII or an address")
    return host


def _credential(encoded: str | None) -> str | None:
    if encoded is None:
        return None
    try:
        plain = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("user and password are percent-encoded UTF-8") from None
    if len(plain.encode()) > _LONGEST_CREDENTIAL or not plain.isprintable():
        raise ValueError(f"user and password may have {_LONGEST_CREDENTIAL} bytes each, and no control characters")
    return plain
