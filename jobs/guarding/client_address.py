"""Where a request comes from: what limits by address count by, and what the audit trail writes down."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

# An IPv6 user has a network of addresses: it counts as one.
_IPV6_PREFIX = 64
_FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
# An address as proxies write it, some with a port behind it.
_ENTRY = re.compile(r"\[(?P<bracketed>[^\]]*)\](:\d+)?|(?P<ipv4>[\d.]+):\d+|(?P<plain>.*)")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def of(meta: Mapping[str, Any]) -> str:
    """The client's address by a request's META; empty where there is none, as with a unix socket.

    That is the peer's. Where the peer is one of BOOPER_TRUSTED_PROXIES, it is the last in X-Forwarded-For that is none:
    whatever stands before that, the client itself may have written.
    """
    peer = str(meta.get("REMOTE_ADDR", ""))
    if not settings.BOOPER_TRUSTED_PROXIES:
        return peer
    forwarded = str(meta.get(_FORWARDED_FOR, ""))
    believed = peer
    for entry in reversed([*forwarded.split(","), peer]):
        address = _address(entry.strip())
        if address is None:
            break
        believed = str(address)
        if not _is_trusted(address):
            break
    return believed


def counted(meta: Mapping[str, Any]) -> str:
    """What limits by address count by: the client's address, or its network where it is IPv6; at most 64 characters."""
    address = of(meta) or "unknown"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 6:
        parsed = parsed.ipv4_mapped or ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False).network_address
    return str(parsed)


def _address(entry: str) -> Address | None:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        return None
    try:
        address = ipaddress.ip_address(match["bracketed"] or match["ipv4"] or match["plain"] or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        # A zone is any text, and says nothing to others.
        address = ipaddress.IPv6Address(int(address))
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.BOOPER_TRUSTED_PROXIES)
