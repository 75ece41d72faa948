"""May this IP address be contacted? A table, with a reason for each range that may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

BY_THE_OPERATOR = "blocked by the operator"

# Instance metadata hands out a machine's credentials to whoever asks from it: an allowed network that happens to
# contain one of these (169.254.0.0/16, fd00::/8) doesn't open it, only naming the address itself does.
_METADATA = (
    ("169.254.169.254", "cloud metadata"),
    ("169.254.169.253", "AWS name server of the virtual network"),
    ("169.254.169.123", "AWS time service"),
    ("169.254.170.2", "AWS container credentials"),
    ("169.254.170.23", "AWS pod credentials"),
    ("169.254.0.23", "Tencent Cloud metadata"),
    ("169.254.42.42", "Scaleway metadata"),
    ("100.100.100.200", "Alibaba Cloud metadata"),
    ("168.63.129.16", "Azure platform service"),
    ("192.0.0.192", "Oracle Cloud metadata"),
    ("fd00:ec2::254", "AWS metadata"),
    ("fd00:ec2::253", "AWS name server of the virtual network"),
    ("fd00:ec2::123", "AWS time service"),
    ("fd00:ec2::23", "AWS pod credentials"),
    ("fd20:ce::254", "Google Cloud metadata"),
    ("fd00:c1::a9fe:a9fe", "Oracle Cloud metadata"),
    ("fd00:42::42", "Scaleway metadata"),
    ("fd00:a9fe:a9fe::1", "Akamai metadata"),
    ("fe80::a9fe:a9fe", "OpenStack metadata"),
)

# IANA's special-purpose registries of IPv4 and IPv6, whole, and what they leave out. A range within a range stands
# before it, as the first one that fits gives the reason.
_BLOCKED = (
    ("0.0.0.0/8", "this host on this network"),
    ("10.0.0.0/8", "private network"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private network"),
    ("192.0.0.0/24", "IETF protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112 name servers"),
    ("192.52.193.0/24", "multicast tunnelling"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private network"),
    ("192.175.48.0/24", "AS112 name servers"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved, class E"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0:0/96", "IPv4 translated"),
    ("::/96", "IPv4 compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64 of a local network"),
    ("100::/64", "discard only"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/32", "Teredo"),
    ("2001:2::/48", "benchmarking"),
    ("2001:10::/28", "ORCHID"),
    ("2001:20::/28", "ORCHIDv2"),
    ("2001:30::/28", "drone remote identification"),
    ("2001::/23", "IETF protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112 name servers"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("::/3", "not global unicast"),
    ("4000::/2", "not global unicast"),
    ("8000::/1", "not global unicast"),
)

# A gateway at one of these passes the packet on to the IPv4 address within: how far to shift it down to the end.
_CARRIERS_OF_IPV4 = (("::ffff:0:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))


@dataclass(frozen=True, slots=True)
class _Range:
    version: Literal[4, 6]
    first: int
    last: int

    def holds(self, version: Literal[4, 6], value: int) -> bool:
        return version == self.version and self.first <= value <= self.last

    @property
    def is_single_address(self) -> bool:
        return self.first == self.last


def _range(network: Network) -> _Range:
    return _Range(network.version, int(network.network_address), int(network.broadcast_address))


# Plain integers, compared one after the other: a connection's verdict takes some microseconds.
_METADATA_REASONS = {
    (address.version, int(address)): reason for address, reason in ((ip_address(text), why) for text, why in _METADATA)
}
_BLOCKED_RANGES = tuple((_range(ip_network(text)), f"{why} ({text})") for text, why in _BLOCKED)
_CARRIER_RANGES = tuple((_range(ip_network(text)), shift) for text, shift in _CARRIERS_OF_IPV4)


def parse_network(network: str | Network) -> Network:
    """A network that is allowed or blocked: "10.0.0.0/8", "::1" or a network object. ValueError names one that is not.

    A network of IPv4-mapped addresses (::ffff:10.0.0.0/104) is the IPv4 network it maps.
    """
    try:
        parsed = ip_network(network)
    except ValueError as error:
        raise ValueError(
            f"network {str(network)!r} is not a network: {error}; write it as 10.0.0.0/8 or as ::1"
        ) from None
    if isinstance(parsed, IPv6Network) and parsed.prefixlen >= 96 and parsed.network_address.ipv4_mapped is not None:
        return IPv4Network((int(parsed.network_address.ipv4_mapped), parsed.prefixlen - 96))
    return parsed


def blocked_reason(
    ip: str | Address,
    allowed_networks: Iterable[str | Network] = (),
    blocked_networks: Iterable[str | Network] = (),
) -> str | None:
    """Why `ip` may not be contacted, or None if it may.

    `allowed_networks` opens what it names. A cloud metadata address opens only to a network of that one address, and
    an IPv4 address within an IPv6 one (NAT64, 6to4) only if it may be contacted itself; an IPv4-mapped address is
    judged as the IPv4 address. Whatever is not an IP address is blocked, and so is what `blocked_networks` names,
    allowed or not. ValueError: a bad entry in one of the two.
    """
    return _blocked_reason(ip, tuple(allowed_networks), tuple(blocked_networks))


@lru_cache(maxsize=4096)
def _blocked_reason(
    ip: str | Address, allowed_networks: tuple[str | Network, ...], blocked_networks: tuple[str | Network, ...]
) -> str | None:
    allowed, blocked = _ranges(allowed_networks), _ranges(blocked_networks)
    try:
        address = ip_address(ip)
    except ValueError:
        return "not an IP address"
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "an address with a zone, which means something on one machine only"
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
    return _judge(address.version, int(address), allowed, blocked)


@lru_cache(maxsize=64)
def _ranges(networks: tuple[str | Network, ...]) -> tuple[_Range, ...]:
    return tuple(_range(parse_network(network)) for network in networks)


def _judge(version: Literal[4, 6], value: int, allowed: tuple[_Range, ...], blocked: tuple[_Range, ...]) -> str | None:
    # Tenants read the reason: which networks these are is for the operator to know.
    if any(named.holds(version, value) for named in blocked):
        return BY_THE_OPERATOR
    naming = [named for named in allowed if named.holds(version, value)]
    if any(named.is_single_address for named in naming):
        return None
    metadata = _METADATA_REASONS.get((version, value))
    if metadata is not None:
        return metadata
    if naming:
        return _judge_carried_ipv4(version, value, allowed, blocked)
    for refused, reason in _BLOCKED_RANGES:
        if refused.holds(version, value):
            return reason
    return None


def _judge_carried_ipv4(
    version: Literal[4, 6], value: int, allowed: tuple[_Range, ...], blocked: tuple[_Range, ...]
) -> str | None:
    for carrier, shift in _CARRIER_RANGES:
        if carrier.holds(version, value):
            carried = (value >> shift) & 0xFFFF_FFFF
            reason = _judge(4, carried, allowed, blocked)
            return None if reason is None else f"it carries {IPv4Address(carried)}: {reason}"
    return None
