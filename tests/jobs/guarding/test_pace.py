"""Starts to one host of a tenant are paced, second by second, and shared out among workers."""

from collections import Counter
from ipaddress import ip_network
from uuid import uuid4

from jobs.guarding.pace import Pace, is_within

A, B = uuid4(), uuid4()
LOOPBACK = ip_network("127.0.0.0/8")
HOST, OTHER = "https://a.example/", "https://b.example/"


def test_no_second_has_more_starts_than_allowed():
    pace = Pace(100)
    assert Counter(pace.book(A, HOST, now=5.0) for _ in range(250)) == {5.0: 100, 6.0: 100, 7.0: 50}
    assert pace.book(A, HOST, now=7.5) == 7.5


def test_what_is_within_the_limit_starts_at_once_whenever_it_comes():
    pace = Pace(100)
    assert {pace.book(A, HOST, now=now) - now for now in (0.0, 1.01, 2.02) for _ in range(100)} == {0.0}


def test_hosts_and_tenants_are_counted_apart():
    pace = Pace(1)
    assert [pace.book(*host, now=0.0) for host in ((A, HOST), (A, OTHER), (B, HOST))] == [0.0, 0.0, 0.0]


def test_a_host_is_full_once_a_second_is_claimed_ahead():
    pace = Pace(10)
    for _ in range(19):
        pace.book(A, HOST, now=0.0)
    assert pace.full(now=0.0) == {}
    pace.book(A, HOST, now=0.0)
    pace.book(A, HOST, now=0.0)
    assert pace.full(now=0.0) == {A: (HOST,)}
    assert pace.full(now=1.0) == {}


def test_workers_have_equal_parts_and_each_has_one_at_least():
    pace = Pace(10)
    pace.share_with(4)
    assert Counter(pace.book(A, HOST, now=0.0) for _ in range(6)) == {0.0: 3, 1.0: 3}
    pace.share_with(50)
    assert pace.book(B, HOST, now=0.0) == 0.0


def test_a_tenants_own_limit_stands_instead():
    pace = Pace(10, limit_of={A: 2, B: 0}.get)
    assert Counter(pace.book(A, HOST, now=0.0) for _ in range(4)) == {0.0: 2, 1.0: 2}
    assert {pace.book(B, HOST, now=0.0) for _ in range(1000)} == {0.0}


def test_without_a_limit_nothing_waits():
    pace = Pace(0)
    assert {pace.book(A, HOST, now=0.0) for _ in range(1000)} == {0.0}
    assert pace.full(now=0.0) == {}


def test_an_address_is_within_a_network_and_a_name_in_none():
    assert is_within("127.0.0.1", (ip_network("10.0.0.0/8"), LOOPBACK))
    assert is_within("::1", (ip_network("::1/128"),))
    assert not is_within("192.0.2.1", (LOOPBACK,))
    assert not is_within("localhost", (LOOPBACK,))
