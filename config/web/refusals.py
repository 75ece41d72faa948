"""What the web server itself refuses, as the API would: RFC 9457 problem+json, written without a view."""

from http import HTTPStatus

from booper.content import payloads

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
CONTENT_TYPE = "application/problem+json"


class Refusal(Exception):
    """A request that no view gets to see."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def body(status: int, detail: str) -> bytes:
    """The problem."""
    storable = payloads.storable_text(detail)
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": storable}
    if status == HTTPStatus.BAD_REQUEST:
        problem["errors"] = [{"pointer": "", "detail": storable}]
    return payloads.encode(problem)


def message(refusal: Refusal) -> bytes:
    """The whole answer on the wire, after which the connection ends."""
    content = body(refusal.status, refusal.detail)
    head = f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\nConnection: close\r\n"
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        head += f"Allow: {METHODS}\r\n"
    return f"{head}Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
