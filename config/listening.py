"""Where an instance listens, checked before anything starts: a port that is taken is named, not stumbled over."""

import errno
import http.client
import ipaddress
import socket

from django.core.exceptions import ImproperlyConfigured

from config import environment

FLOWER_PORT = 5555
# How far to look for a free port in place of Flower's usual one.
NEIGHBOURS = 100
ANY_ADDRESS = ("0.0.0.0", "::")


def host() -> str:
    """`HOST`, an address or a name of this machine; 127.0.0.1 unless told otherwise."""
    return environment.text("HOST", "127.0.0.1").removeprefix("[").removesuffix("]")


def port(on: str) -> int:
    """`PORT`, checked to be free on the host `on`."""
    number = environment.integer("PORT", 8000, minimum=1, maximum=65535)
    if not is_free(on, number, name="PORT"):
        raise _taken("PORT", number)
    return number


def flower_port(on: str, *, besides: int) -> int:
    """`FLOWER_PORT`, checked to be free; where it is not set, the first free one from 5555 on that is not `besides`."""
    if environment.text("FLOWER_PORT"):
        number = environment.integer("FLOWER_PORT", FLOWER_PORT, minimum=1, maximum=65535)
        if number == besides:
            raise ImproperlyConfigured(f"FLOWER_PORT and PORT are both {number}: give one of them another number.")
        if not is_free(on, number, name="FLOWER_PORT"):
            raise _taken("FLOWER_PORT", number)
        return number
    for number in range(FLOWER_PORT, FLOWER_PORT + NEIGHBOURS):
        if number != besides and is_free(on, number, name="FLOWER_PORT"):
            return number
    raise ImproperlyConfigured(f"No port from {FLOWER_PORT} on is free: set FLOWER_PORT to one that is.")


def is_free(on: str, number: int, *, name: str) -> bool:
    """Whether a server could listen there now. `name` is the variable to blame for a port that is not allowed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(on, number, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ImproperlyConfigured(f"HOST is {on!r}: write an address of this machine, or 0.0.0.0 for all.") from error
    with socket.socket(family, kind, protocol) as trial:
        # As the servers themselves do it: a port in TIME_WAIT is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
            # Linux lets two of them bind, and one listen.
            trial.listen(1)
        except OSError as error:
            return _judged(error, on, number, name)
    return True


def is_loopback(on: str) -> bool:
    if on == "localhost":
        return True
    try:
        return ipaddress.ip_address(on).is_loopback
    except ValueError:
        return False


def for_url(on: str) -> str:
    """The host as a URL has it, the loopback standing for "all addresses"."""
    if on in ANY_ADDRESS:
        return "127.0.0.1"
    return f"[{on}]" if ":" in on else on


def answers(on: str, number: int, *, path: str, patience_seconds: float, name: str) -> bool:
    """Whether a web server there, called by that `name`, answers a GET of `path` in time, whatever it answers."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(on, on)
    connection = http.client.HTTPConnection(target, number, timeout=patience_seconds)
    try:
        connection.request("GET", path, headers={"Host": name})
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _judged(error: OSError, on: str, number: int, name: str) -> bool:
    if error.errno == errno.EACCES:
        raise ImproperlyConfigured(f"{name} is {number}, which needs privileges: write 1024 or more.") from error
    if error.errno == errno.EADDRNOTAVAIL:
        message = f"HOST is {on!r}, which is no address of this machine: write one that is, or 0.0.0.0 for all."
        raise ImproperlyConfigured(message) from error
    return False


def _taken(name: str, number: int) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is {number}, where something listens already: {name}={number + 1} bin/up")
