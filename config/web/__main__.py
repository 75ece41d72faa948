"""Starts the web server: `python -m config.web --bind 127.0.0.1:8000`. TERM ends it gently, HUP renews it."""

import argparse
import logging.config
import os
import socket

from django.conf import settings
from uvicorn.config import Config
from uvicorn.supervisors import Multiprocess

from config.web.connections import Connection
from config.web.loading import EagerConfig

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_BACKLOG = 2048
# Longer than proxies keep theirs open: it is they who should close first.
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 5
# A process that does not answer its supervisor for so long is replaced.
_SILENT_SECONDS = 30


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m config.web", description=__doc__)
    arguments.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT", help="[::1]:8000 for IPv6")
    listener = listen(arguments.parse_args().bind)
    # The supervisor's own lines; the application itself is loaded by the processes alone.
    logging.config.dictConfig(settings.LOGGING)
    configuration = configured(workers=settings.WEB_PROCESSES)
    Multiprocess(configuration, sockets=[listener]).run()


def configured(*, workers: int) -> Config:
    """uvicorn's configuration as it is here."""
    return EagerConfig(
        "config.asgi:application",
        workers=workers,
        http=Connection,
        loop="uvloop",
        ws="none",
        interface="asgi3",
        lifespan="on",
        # The application's own, which each process sets up.
        log_config=None,
        access_log=False,
        server_header=False,
        # Who is believed in what it says of others: BOOPER_TRUSTED_PROXIES, where it is asked for.
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_SILENT_SECONDS,
    )


def listen(address: str) -> socket.socket:
    """A socket that all processes accept from, so that none that waits is lost when one of them ends."""
    host, _, port = address.rpartition(":")
    found = socket.getaddrinfo(host.removeprefix("[").removesuffix("]") or None, int(port), type=socket.SOCK_STREAM)
    family, kind, protocol, _, place = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by what is accepted: an answer does not wait for the client to acknowledge the one before.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(place)
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


if __name__ == "__main__":
    main()
