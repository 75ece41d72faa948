"""The process that hands some messages to services, side by side, and ends when its time is up.

It is told them on stdin, and answers a line for each that went or failed. What plugins may do is narrowed first: they
open sockets of their own, so an address of this network is refused where it is dialled, whatever one made of a URL.
"""

import json
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Collection, Mapping
from typing import Any

from booper.services import schemas
from booper.targets import addresses

_STATUS = re.compile(r"\berror=([1-5]\d\d)\b")
_FORBIDDEN = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
_DIALS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
_writing = threading.Lock()


class _Answers(logging.Handler):
    """Notes the status that a service answered, which Apprise tells its log alone. One for each thread."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage())
        if found and record.thread is not None:
            self._of_thread[record.thread] = found[1]

    def take(self) -> str | None:
        return self._of_thread.get(threading.get_ident())


def main() -> None:
    asked = json.load(sys.stdin)
    timer = threading.Timer(asked["seconds"], os._exit, args=(0,))
    timer.daemon = True
    timer.start()
    confine(proxy=asked["proxy"], blocked_networks=asked["blocked_networks"])
    answers = _Answers()
    logger = logging.getLogger("apprise")
    logger.addHandler(answers)
    logger.propagate = False
    threads = [threading.Thread(target=_answer, args=(each, answers), daemon=True) for each in asked["messages"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def confine(*, proxy: str | None, blocked_networks: Collection[str]) -> None:
    """Has this process start no other, and dial `proxy` alone, or without one no address that targets may not have."""
    of_proxy = {item[4][0] for item in socket.getaddrinfo(proxy, None)} if proxy else set()
    networks = tuple(blocked_networks)

    def judge(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError("a service may start no process")
        if event not in _DIALS or (event == "socket.sendmsg" and arguments[1] is None):
            return
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
        if host is None or (host not in of_proxy if of_proxy else addresses.blocked_reason(host, (), networks)):
            raise PermissionError("a service may not contact this address")

    sys.addaudithook(judge)


def _answer(message: Mapping[str, Any], answers: _Answers) -> None:
    try:
        failure = deliver(message)
    except Exception as error:  # whatever a plugin makes of an answer
        failure = ["service_failed", f"the service could not be called: {type(error).__name__}"]
    status = answers.take()
    if failure is not None and failure[0] == "service_failed" and status is not None:
        failure = ["service_failed", f"the service answered {status}"]
    with _writing:
        print(json.dumps([message["id"], failure]), flush=True)  # noqa: T201


def deliver(message: Mapping[str, Any]) -> list[str] | None:
    """Hands one message over; code and words of what went wrong, None if it went."""
    plugin = schemas.instance(message["url"])
    if plugin is None:
        return ["service_url", "the service has other URLs: PATCH the alert"]
    title, text = _as_text(message["title"]), _as_text(message["text"])
    went = schemas.notify(plugin, title=title, text=text, kind=message["kind"])
    return None if went else ["service_failed", "the service did not take it, or can't be reached"]


def _as_text(text: str) -> str:
    """Nobody is mentioned, and nothing becomes a link or a tag, by the name of a job."""
    return re.sub(r"([@<\[])", "\\1\u200b", text)


if __name__ == "__main__":
    main()
