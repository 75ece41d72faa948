"""One question to the provider: bounded by time and size, never redirected, its certificate always checked.

By libcurl, as `requests` has no time-out for the whole of an answer.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import certifi
import pycurl

from booper.identity.client import LOOPBACK, ProviderFailed

SECONDS, _CONNECT_SECONDS = 5.0, 3.0
MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def is_taken(url: str) -> bool:
    """https:// alone, but for a provider on this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or not is_plain or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def ask(
    url: str,
    *,
    ca_file: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GETs, or POSTs the form. Raises ProviderFailed where no whole answer comes within SECONDS."""
    taken = bytearray()

    def take(chunk: bytes) -> int:
        taken.extend(chunk)
        return len(chunk) if len(taken) <= MOST_BYTES else -1

    host = urlsplit(url).hostname or ""
    easy = pycurl.Curl()
    try:
        for option, value in _options(host, ca_file=ca_file):
            easy.setopt(option, value)
        easy.setopt(pycurl.URL, url)
        lines = {"Accept": "application/json", "User-Agent": "Booper", **(headers or {})}
        easy.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in lines.items()])
        if form is not None:
            easy.setopt(pycurl.POSTFIELDS, urlencode(form))
        easy.setopt(pycurl.WRITEFUNCTION, take)
        easy.perform()
        return Answer(int(easy.getinfo(pycurl.RESPONSE_CODE)), bytes(taken))
    except pycurl.error as error:
        raise ProviderFailed(f"{host} {_in_words(int(error.args[0]), str(error.args[1]))}") from None
    finally:
        easy.close()


def _options(host: str, *, ca_file: str) -> list[tuple[int, int | str | bytes]]:
    options: list[tuple[int, int | str | bytes]] = [
        (pycurl.NOSIGNAL, 1),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if host in LOOPBACK else 0)),
        (pycurl.TIMEOUT_MS, int(SECONDS * 1000)),
        (pycurl.CONNECTTIMEOUT_MS, int(min(SECONDS, _CONNECT_SECONDS) * 1000)),
        (pycurl.MAXFILESIZE, MOST_BYTES),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.CAINFO, os.fsencode(ca_file or certifi.where())),
    ]
    # Elsewhere by HTTPS_PROXY, where the operator's environment has one.
    return [*options, (pycurl.PROXY, "")] if host in LOOPBACK else options


def _in_words(code: int, message: str) -> str:
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return f"gave no whole answer within {SECONDS:g} s"
    if code in (pycurl.E_WRITE_ERROR, pycurl.E_FILESIZE_EXCEEDED):
        return f"answered more than {MOST_BYTES // 1024} KiB"
    return f"can't be asked: {message[:200]}"
