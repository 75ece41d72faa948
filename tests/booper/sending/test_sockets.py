import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pycurl
import pytest

from booper.sending.sockets import Sockets
from booper.sending.waker import Waker


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    waker = Waker()
    made = Sockets(waker)
    yield made
    made.close()
    waker.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    own, other = socket.socketpair()
    yield own, other
    own.close()
    other.close()


def watch(sockets: Sockets, fd: int, action: int = pycurl.POLL_IN) -> None:
    sockets.on_socket(action, fd, None, None)


def rest(sockets: Sockets, fd: int) -> None:
    sockets.on_socket(pycurl.POLL_REMOVE, fd, None, None)


def happened(sockets: Sockets) -> list[tuple[int, int]]:
    return list(sockets.wait(0))


@pytest.mark.parametrize("is_own", [True, False])
def test_a_connection_that_is_used_again_is_told_of_again(
    sockets: Sockets, pair: tuple[socket.socket, socket.socket], is_own: bool
) -> None:
    own, other = pair
    if is_own:
        sockets.dialled(own.fileno())
    for _ in range(3):
        watch(sockets, own.fileno())
        assert happened(sockets) == []
        other.send(b"answer")
        assert happened(sockets) == [(own.fileno(), pycurl.CSELECT_IN)]
        own.recv(100)
        rest(sockets, own.fileno())


def test_it_is_told_of_for_what_is_wanted_this_time(
    sockets: Sockets, pair: tuple[socket.socket, socket.socket]
) -> None:
    own, _ = pair
    sockets.dialled(own.fileno())
    watch(sockets, own.fileno())
    rest(sockets, own.fileno())
    watch(sockets, own.fileno(), pycurl.POLL_OUT)
    assert happened(sockets) == [(own.fileno(), pycurl.CSELECT_OUT)]
    watch(sockets, own.fileno(), pycurl.POLL_IN)
    assert happened(sockets) == []


def test_nobody_is_told_of_a_connection_that_rests_and_it_does_not_end_each_wait(
    sockets: Sockets, pair: tuple[socket.socket, socket.socket]
) -> None:
    own, other = pair
    sockets.dialled(own.fileno())
    watch(sockets, own.fileno())
    rest(sockets, own.fileno())
    other.close()
    assert happened(sockets) == []
    assert sockets._selector.select(0) == []
    watch(sockets, own.fileno())
    assert happened(sockets) == [(own.fileno(), pycurl.CSELECT_IN)]


def test_a_number_that_is_given_out_again_is_watched_anew(
    sockets: Sockets, pair: tuple[socket.socket, socket.socket]
) -> None:
    own, _ = pair
    number = own.fileno()
    sockets.dialled(number)
    watch(sockets, number)
    rest(sockets, number)
    after, other = socket.socketpair()
    with after, other:
        # As if it had been closed, and the next connection had got its number.
        os.dup2(after.fileno(), number)
        sockets.dialled(number)
        watch(sockets, number)
        assert happened(sockets) == []
        other.send(b"answer")
        assert happened(sockets) == [(number, pycurl.CSELECT_IN)]


def test_one_that_comes_to_rest_meanwhile_is_left_out(sockets: Sockets) -> None:
    first, second = socket.socketpair(), socket.socketpair()
    numbers = [first[0].fileno(), second[0].fileno()]
    for number in numbers:
        sockets.dialled(number)
        watch(sockets, number)
    first[1].send(b"a")
    second[1].send(b"b")
    told = []
    for number, _ in sockets.wait(0):
        told.append(number)
        for other in set(numbers) - {number}:
            rest(sockets, other)
    assert len(told) == 1
    for each in (*first, *second):
        each.close()


def test_what_can_not_be_watched_is_left_to_its_time_out(sockets: Sockets) -> None:
    with Path(os.devnull).open() as file:
        watch(sockets, file.fileno())
    assert happened(sockets) == []
