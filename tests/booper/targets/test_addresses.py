"""Every range that may not be contacted is blocked at both ends, and what an operator allows is opened, no more."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from booper.targets.addresses import blocked_reason, parse_network

# IANA's special-purpose registries of IPv4 and IPv6, and what else a job has no business at.
BLOCKED_NETWORKS = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:2::/48
2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
fec0::/10 ff00::/8 ::/3 4000::/2 8000::/1
"""

METADATA = """
169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23
fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42 fe80::a9fe:a9fe
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
223.255.255.255 168.63.129.15 168.63.129.17
2000::1 2001:200::1 2001:db7:ffff::1 2001:db9:: 2003::1 2600:1f18::1 2606:4700:4700::1111 2a00:1450::1 3ffe:ffff::1
3fff:1000::1
"""


@pytest.mark.parametrize("network", BLOCKED_NETWORKS.split())
def test_the_first_and_the_last_address_of_a_special_range_are_blocked(network: str) -> None:
    parsed = ip_network(network)
    for address in (parsed.network_address, parsed.broadcast_address):
        assert blocked_reason(address), f"{address} is let through"


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_public_addresses_may_be_contacted(ip: str) -> None:
    assert blocked_reason(ip) is None


@pytest.mark.parametrize("ip", METADATA.split())
def test_cloud_metadata_is_blocked_by_name(ip: str) -> None:
    assert blocked_reason(ip) not in (None, blocked_reason("169.254.1.1"), blocked_reason("fd00::1"))


@pytest.mark.parametrize("ip", METADATA.split())
def test_cloud_metadata_is_opened_by_its_own_address_and_by_no_range_around_it(ip: str) -> None:
    assert blocked_reason(ip, ["0.0.0.0/0", "::/0"]) is not None
    assert blocked_reason(ip, ["0.0.0.0/0", "::/0", ip]) is None


def test_a_reason_names_the_kind_and_the_range() -> None:
    assert blocked_reason("10.1.2.3") == "private network (10.0.0.0/8)"
    assert blocked_reason("2001:10::1") == "ORCHID (2001:10::/28)"
    assert blocked_reason("2001:1::1") == "IETF protocol assignments (2001::/23)"
    assert blocked_reason("255.255.255.255") == "broadcast (255.255.255.255/32)"


@pytest.mark.parametrize("ipv4", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8"])
def test_a_mapped_address_is_judged_as_the_ipv4_address_it_is(ipv4: str) -> None:
    assert blocked_reason(f"::ffff:{ipv4}") == blocked_reason(ipv4)


def test_an_allowed_ipv4_network_opens_its_mapped_form() -> None:
    assert blocked_reason("::ffff:10.1.2.3", ["10.0.0.0/8"]) is None
    assert blocked_reason("10.1.2.3", ["::ffff:10.0.0.0/104"]) is None
    assert blocked_reason("11.1.2.3", ["::ffff:10.0.0.0/104"]) is None
    assert blocked_reason("192.168.1.1", ["::ffff:10.0.0.0/104"]) is not None


@pytest.mark.parametrize("ipv4", ["8.8.8.8", "10.0.0.1"])
def test_ipv4_behind_a_gateway_is_blocked_wherever_it_leads(ipv4: str) -> None:
    value = int(IPv4Address(ipv4))
    for carrier in (0x64FF9B << 96 | value, 0x2002 << 112 | value << 80, 0xFFFF << 48 | value, value):
        assert blocked_reason(IPv6Address(carrier)), str(IPv6Address(carrier))


def test_an_allowed_gateway_leads_only_where_ipv4_may_be_contacted() -> None:
    allowed = ["64:ff9b::/96", "2002::/16"]
    assert blocked_reason("64:ff9b::808:808", allowed) is None
    assert blocked_reason("2002:808:808::1", allowed) is None
    assert blocked_reason("64:ff9b::a9fe:a9fe", allowed) == "it carries 169.254.169.254: cloud metadata"
    assert blocked_reason("2002:7f00:1::1", allowed) == "it carries 127.0.0.1: loopback (127.0.0.0/8)"
    assert blocked_reason("64:ff9b::a00:1", [*allowed, "10.0.0.0/8"]) is None
    assert blocked_reason("64:ff9b::a00:1", [*allowed, "64:ff9b::a00:1"]) is None


def test_what_is_allowed_opens_nothing_beside_it() -> None:
    allowed = ["127.0.0.0/8", "::1"]
    assert blocked_reason("127.0.0.1", allowed) is None
    assert blocked_reason("::1", allowed) is None
    assert blocked_reason("10.0.0.1", allowed) is not None
    assert blocked_reason("::2", allowed) is not None
    assert blocked_reason("0.0.0.0", allowed) is not None
    # 127.0.0.0/8 as numbers lies in ::/96 too.
    assert blocked_reason("::7f00:1", allowed) is not None


def test_addresses_and_networks_are_taken_as_objects_too() -> None:
    assert blocked_reason(ip_address("10.0.0.1")) == blocked_reason("10.0.0.1")
    assert blocked_reason("10.0.0.1", (ip_network("10.0.0.0/8"),)) is None


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0x7f000001", "010.0.0.1", "1.2.3.4.5", "[::1]", "8.8.8.8 "]
)
def test_what_is_no_ip_address_is_blocked(text: str) -> None:
    assert blocked_reason(text, ["0.0.0.0/0", "::/0"]) == "not an IP address"


def test_an_address_with_a_zone_is_blocked_even_if_it_would_be_public() -> None:
    assert "zone" in (blocked_reason("2606:4700:4700::1111%eth0", ["::/0"]) or "")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "127.0.0.0/8,::1"])
def test_a_bad_allowed_network_is_an_error_that_names_it(network: str) -> None:
    with pytest.raises(ValueError, match=r"network .* is not a network"):
        blocked_reason("8.8.8.8", [network])
    with pytest.raises(ValueError, match=r"write it as 10\.0\.0\.0/8"):
        parse_network(network)


BLOCKED = ["93.184.216.0/24", "2606:4700::/32", "10.0.0.0/8"]


@pytest.mark.parametrize("ip", ["93.184.216.34", "::ffff:93.184.216.34", "2606:4700:4700::1111", "10.1.2.3"])
def test_what_the_operator_blocks_is_blocked_whatever_is_allowed(ip: str) -> None:
    for allowed in ((), ("0.0.0.0/0", "::/0"), (ip,)):
        assert blocked_reason(ip, allowed, BLOCKED) == "blocked by the operator"


def test_what_is_carried_to_a_blocked_address_is_blocked_too() -> None:
    assert blocked_reason("64:ff9b::5db8:d822", ["64:ff9b::/96"], BLOCKED) == (
        "it carries 93.184.216.34: blocked by the operator"
    )


def test_blocking_some_opens_nothing_and_leaves_the_rest() -> None:
    assert blocked_reason("8.8.8.8", (), BLOCKED) is None
    assert blocked_reason("192.168.1.1", (), BLOCKED) == blocked_reason("192.168.1.1")
    with pytest.raises(ValueError, match="is not a network"):
        blocked_reason("8.8.8.8", (), ["8.8.8.8/4"])
