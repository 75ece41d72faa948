"""What has arrived of one answer so far, never more than the caps, and the Response it makes."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

from booper.content import codings
from booper.outcomes.outcome import Response

_BLANK_LINES = (b"\r\n", b"\n")
_INTERIM = re.compile(rb"HTTP/[0-9.]+ +1[0-9]{2}\b")
_SWITCHING = re.compile(rb"HTTP/[0-9.]+ +101\b")
_ENCODING = "content-encoding"


class Reply:
    """Takes the header lines and the body as they come; what goes over a cap is refused."""

    __slots__ = (
        "_body",
        "_body_room",
        "_bytes_left",
        "_is_head_complete",
        "_lines",
        "_lines_left",
        "body_size",
        "excess",
    )

    def __init__(self, *, max_header_bytes: int, max_header_count: int, max_body_bytes: int) -> None:
        self._bytes_left = max_header_bytes
        # The status line and the blank one come with every head.
        self._lines_left = max_header_count + 2
        self._body_room = max_body_bytes
        self._lines: list[bytes] = []
        self._is_head_complete = False
        self._body: list[bytes] = []
        self.body_size = 0
        self.excess: str | None = None
        """What there was too much of, "headers" or "body"; "protocols" for an answer that goes on in another one."""

    def take_header(self, line: bytes) -> bool:
        """False once there are too many. Interim answers (100 Continue) and trailers count, but are not kept.

        False for 101 too: nobody asked for another protocol, and no answer follows.
        """
        self._bytes_left -= len(line)
        self._lines_left -= 1
        if self._bytes_left < 0 or self._lines_left < 0:
            self.excess = "headers"
            return False
        if self._is_head_complete:
            return True
        if not self._lines and _SWITCHING.match(line):
            self.excess = "protocols"
            return False
        if line not in _BLANK_LINES:
            self._lines.append(line)
        elif self._lines and _INTERIM.match(self._lines[0]):
            self._lines.clear()
        else:
            self._is_head_complete = True
        return True

    def take_body(self, chunk: bytes) -> bool:
        """False once there is too much: the beginning is kept."""
        room = self._body_room - self.body_size
        kept = chunk[:room]
        self._body.append(kept)
        self.body_size += len(kept)
        if len(chunk) > room:
            self.excess = "body"
            return False
        return True

    @property
    def is_head_complete(self) -> bool:
        """The blank line after the headers has come."""
        return self._is_head_complete

    @property
    def is_begun(self) -> bool:
        """A line of the final head has come; interim answers don't count."""
        return bool(self._lines)

    def response(self, status: int) -> Response:
        headers = _parse(self._lines[1:])
        body, is_cut = b"".join(self._body), self.excess == "body"
        encodings = ",".join(
            [value for name, value in headers if len(name) == len(_ENCODING) and name.lower() == _ENCODING]
        )
        if body and encodings:
            # What is no such encoding stays as it came.
            with contextlib.suppress(codings.Undecodable):
                inflated = codings.decoded(body, encodings, limit=self._body_room + 1)
                body, is_cut = inflated[: self._body_room], is_cut or len(inflated) > self._body_room
        return Response(status=status, headers=headers, body=body, truncated=is_cut)

    def response_so_far(self, status: int) -> Response | None:
        """What has come of an answer that is broken off; None before its headers are there."""
        return replace(self.response(status), truncated=True) if self._is_head_complete else None


def _parse(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in _texts(lines):
        text = line.rstrip("\r\n")
        if headers and text[:1] in (" ", "\t"):
            # A value continued on the next line: long obsolete, still sent.
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {text.strip()}".strip())
        else:
            name, _, value = text.partition(":")
            headers.append((name.strip(), value.strip()))
    return tuple(headers)


def _texts(lines: list[bytes]) -> list[str]:
    try:
        return [line.decode() for line in lines]
    except UnicodeDecodeError:
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    """UTF-8 as it is sent today, or Latin-1 as it was meant once."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
