"""Ports of the loopback that are free, and stay so: no outgoing connection of anybody is given one of these."""

import random
import socket
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 12_000
_TRIES = 1_000
_given: set[int] = set()


def free() -> int:
    """A server that is started on it seconds later finds it free, unless somebody else chooses it too."""
    below = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else _LOWEST
    for _ in range(_TRIES if below > 2 * _LOWEST else 0):
        port = random.randrange(_LOWEST, below)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
