"""Sends messages by services, in a process of its own: it is ended when its time is up, whatever a plugin waits for."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from booper.outcomes.outcome import Failure
from booper.targets.proxies import Proxy

SECONDS = 20.0
# For its start, and Apprise's.
_START_SECONDS = 15.0
_ROOT = Path(__file__).resolve().parents[2]
# Whom to trust where an operator has certificates of their own; nothing else of this process's variables is handed on.
_KEPT = ("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
_LATE = Failure("timeout", "the service did not answer in time")
_BROKEN = Failure("internal", "the process that calls services ended by itself")


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is one of Apprise's: info, success, warning or failure."""

    id: str
    url: str
    title: str
    text: str
    kind: str


def send(
    messages: Sequence[Message], *, proxy: Proxy | None, blocked_networks: Collection[str], seconds: float = SECONDS
) -> dict[str, Failure | None]:
    """Hands all over side by side, in `seconds` at most; by id what went wrong, None for what went."""
    asked = {
        "messages": [asdict(message) for message in messages],
        "proxy": proxy and proxy.host,
        "blocked_networks": list(blocked_networks),
        "seconds": seconds,
    }
    lines, otherwise = _run(json.dumps(asked).encode(), env=_environment(proxy), seconds=seconds + _START_SECONDS)
    found: dict[str, Failure | None] = dict.fromkeys((message.id for message in messages), otherwise)
    for line in lines:
        with contextlib.suppress(ValueError):
            message_id, failure = json.loads(line)
            found[message_id] = None if failure is None else Failure(*failure)
    return found


def _run(asked: bytes, *, env: dict[str, str], seconds: float) -> tuple[list[bytes], Failure]:
    """What it answered, and what became of messages that it said nothing of."""
    command = [sys.executable, "-P", "-m", "booper.services.sender"]
    try:
        done = subprocess.run(
            command,
            input=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env=env,
            cwd=_ROOT,
        )
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").splitlines(), _LATE
    return done.stdout.splitlines(), _BROKEN if done.returncode else _LATE


def _environment(proxy: Proxy | None) -> dict[str, str]:
    """The variables of the process: requests, by which plugins call, takes its proxy from there."""
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONPATH": str(_ROOT)}
    if proxy is None:
        return variables
    user = "" if proxy.user is None else f"{quote(proxy.user, safe='')}:{quote(proxy.password or '', safe='')}@"
    url = f"{proxy.scheme}://{user}{proxy.url.partition('://')[2]}"
    return variables | {"HTTP_PROXY": url, "HTTPS_PROXY": url, "http_proxy": url, "https_proxy": url}
