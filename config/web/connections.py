"""A connection of the web server: its head and its body come within a deadline and within bounds, or it ends.

uvicorn's protocol does the reading and the writing. What it lacks stands here: who sends half a request, or reads half
an answer, holds a socket for seconds and nothing else; and what is not HTTP is refused as the API refuses.
"""

import asyncio
import re
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from config.web import refusals
from config.web.census import Census, Rules
from config.web.corked import Corked
from config.web.refusals import Refusal

# The `url` that a list is asked for has up to 2,048 characters, and three times that once encoded.
LONGEST_TARGET = 8190
LONGEST_HEADER = 8190
LONGEST_HEAD = 64 * 1024
MOST_HEADERS = 100
# Requests sent ahead of the answers. Browsers send none; a flood of tiny ones would be kept in memory.
MOST_AHEAD = 16
_METHOD = re.compile(rb"([A-Z][A-Z-]*) [/*h]")
_VERSIONS = ("1.0", "1.1")
# After a refusal, what still comes is thrown away for so long: closing at once would take the refusal back.
_LINGER_SECONDS = 2.0
# A client that has just sent its request to a process that is ending is answered; one that was idle finds out.
_LAST_CALL_SECONDS = 0.5


class Connection(HttpToolsProtocol):
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if "census" not in app_state:
            app_state["census"] = Census(Rules.of_settings(), self.loop)
        self._census: Census = app_state["census"]
        self.rules = self._census.rules
        # When it ends by, while something is waited for; None while it is the application's turn, or nobody's.
        self.deadline: float | None = None
        self._reads_head = False
        self._head_size = 0
        self._is_refused = False
        self._is_ending = False

    # --- from the transport -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._corked = Corked(transport)
        super().connection_made(cast(asyncio.Transport, self._corked))
        if not self._census.enter(self, self._address):
            self._is_refused = True
            transport.abort()
            return
        self._expect_within(self.rules.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._census.leave(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        if self.deadline is None:
            self._expect_within(self.rules.head_seconds)
        try:
            self.parser.feed_data(data)
            if self._reads_head:
                self._count_head(len(data))
        except httptools.HttpParserUpgrade:
            # Nothing here speaks anything else: the request is answered, and is the last one.
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            self.refuse(_refusal_of(error, data))
        except Refusal as refusal:
            self.refuse(refusal)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_within(self.rules.body_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self.deadline = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_within(_LINGER_SECONDS)

    # --- from the parser ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reads_head, self._head_size = True, 0
        self._expect_within(self.rules.head_seconds)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LONGEST_TARGET:
            raise Refusal(414, f"the request's target has more than {LONGEST_TARGET} bytes: ask for less at once")

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name) + len(value)
        if size > LONGEST_HEADER:
            raise Refusal(431, f"the header {_shown(name)} has more than {LONGEST_HEADER} bytes: send a shorter one")
        self._count_head(size)
        # An underscore is a hyphen to whoever reads headers as variables: such a header would be another one there.
        if b"_" in name:
            return
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise Refusal(431, f"the request has more than {MOST_HEADERS} headers: send fewer")

    def on_headers_complete(self) -> None:
        self._reads_head = False
        self._check_head()
        self._expect_within(self.rules.body_seconds)
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False
        if len(self.pipeline) > MOST_AHEAD:
            self.transport.abort()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.deadline = None

    def on_response_complete(self) -> None:
        self._corked.flush()
        super().on_response_complete()
        if self.transport.is_closing():
            # Not before what was written is taken; nobody has for ever for that.
            self._expect_within(self.rules.body_seconds)

    def _check_head(self) -> None:
        if self.parser.get_http_version() not in _VERSIONS:
            raise Refusal(505, "this version of HTTP is not spoken here: use HTTP/1.1")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise Refusal(400, f"the request has {hosts} Host headers: send one")
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings not in ([], [b"chunked"]):
            raise Refusal(501, "of the transfer codings, chunked alone is known here: send Transfer-Encoding: chunked")
        if not self.url.isascii():
            raise Refusal(400, "the request's target is not ASCII: percent-encode it")
        if self.parser.get_method() == b"CONNECT" or not self.url.startswith((b"/", b"http://", b"https://")):
            raise Refusal(400, f"the target {_shown(self.url)} is no path: begin it with a slash")

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > LONGEST_HEAD:
            raise Refusal(431, f"the request's headers have more than {LONGEST_HEAD} bytes: send fewer")

    # --- ends ---------------------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Answers by itself and reads no further. Where an answer to an earlier request is owed, it ends instead."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        if self._owes_an_answer() and (self._reads_head or self.pipeline or self.cycle.response_started):
            self.transport.abort()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write(refusals.message(refusal))
        self._expect_within(_LINGER_SECONDS)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def expire(self) -> None:
        """Ends what has come to its deadline."""
        is_idle = not self._reads_head and not self._owes_an_answer()
        if self._is_refused or self.transport.is_closing() or self.flow.write_paused or is_idle:
            self.transport.abort()
        elif self.flow.read_paused or (self._reads_head and self._owes_an_answer()):
            # It is we who do not read on, or owe it something first.
            self._expect_within(self.rules.head_seconds)
        else:
            part = "headers" if self._reads_head else "body"
            self.refuse(Refusal(408, f"the request's {part} did not come in time: send the whole of it at once"))

    def shutdown(self) -> None:
        """The process ends: what has been asked is answered, as is what is asked just now, and then it closes."""
        self._is_ending = True
        for cycle in [self.cycle, *(cycle for cycle, _ in self.pipeline)]:
            if cycle is not None:
                cycle.keep_alive = False
        self.loop.call_later(_LAST_CALL_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._owes_an_answer() and not self._reads_head:
            self.transport.close()

    def _owes_an_answer(self) -> bool:
        # The first one is None until there is a request.
        return bool(self.cycle) and not self.cycle.response_complete

    def _expect_within(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""


def _refusal_of(error: httptools.HttpParserError, data: bytes) -> Refusal:
    if isinstance(error.__context__, Refusal):
        return error.__context__
    # Methods are told apart by case, and a word that is none of them may be one elsewhere.
    method = _METHOD.match(data)
    if isinstance(error, httptools.HttpParserInvalidMethodError) and method is not None:
        return Refusal(405, f"{_shown(method[1])} is not a method here: the Allow header has those that are")
    return Refusal(400, f"the web server does not take this request: {error}")


def _shown(name: bytes) -> str:
    return ascii(name[:40].decode("latin-1"))
