"""Whose address counts: a client can't choose its own, whatever it writes into its headers."""

import ipaddress

import pytest
from pytest_django import Settings

from jobs.guarding import client_address


@pytest.fixture
def _trusted(settings: Settings) -> None:
    networks = ("10.0.0.0/8", "192.0.2.1", "fd00::/8")
    settings.BOOPER_TRUSTED_PROXIES = tuple(ipaddress.ip_network(network) for network in networks)


def address_of(peer: str, forwarded: str | None = None) -> str:
    meta = {"REMOTE_ADDR": peer}
    return client_address.of(meta if forwarded is None else {**meta, "HTTP_X_FORWARDED_FOR": forwarded})


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert address_of("203.0.113.9", "198.51.100.1") == "203.0.113.9"


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.9.9.9,192.0.2.1", "198.51.100.1"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("fd00::1", "2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%\x80\u2028", "fe80::1"),
        ("fd00::1%eth0", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", "198.51.100.1, ", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_behind_them_it_is_the_last_that_none_of_them_is(peer: str, forwarded: str | None, client: str) -> None:
    assert address_of(peer, forwarded) == client
