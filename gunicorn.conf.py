"""What gunicorn reads by itself where it is started: it logs and refuses in Booper's formats, and reads long URLs."""

import socket
from http import HTTPStatus

from gunicorn import glogging, util
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config

from booper.content import payloads
from config import settings
from jobs.telemetry.log_records import JsonFormatter

# The most there is: the `url` that a list is asked for has up to 2,048 characters, and three times that once encoded.
limit_request_line = 8190
# By default a client on this machine could move the paths of a request by a header SCRIPT_NAME.
forwarder_headers = ""


class Logger(glogging.Logger):
    """Not gunicorn's `logconfig`: with one, it writes a line for each request too."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        if settings.LOG_FORMAT == "json":
            for handler in self.error_log.handlers:
                handler.setFormatter(JsonFormatter())


logger_class = Logger


def on_starting(server: Arbiter) -> None:
    """Before any worker is forked. gunicorn has no setting for what it answers by itself, which is HTML."""
    util.write_error = write_problem


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """In place of gunicorn.util.write_error: what is no HTTP or too long is refused as the API refuses (RFC 9457)."""
    phrase = HTTPStatus(status).phrase
    detail = "this is a fault of the server, which has logged it: tell its operator"
    if message:
        detail = payloads.storable_text(f"the web server does not take this request: {message}")
    problem = {"type": "about:blank", "title": phrase, "status": status, "detail": detail}
    if status == HTTPStatus.BAD_REQUEST:
        problem["errors"] = [{"pointer": "", "detail": detail}]
    body = payloads.encode(problem)
    head = f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    util.write_nonblock(client, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
