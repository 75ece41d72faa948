"""What a fake refuses, as the API does."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Answered with a problem of that status."""

    def __init__(self, status: int, title: str, detail: str, *, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.problem: dict[str, Any] = {"status": status, "title": title, "detail": detail}
        if pointer is not None:
            self.problem["detail"] = f"{pointer.strip('/')}: {detail}"
            self.problem["errors"] = [{"pointer": pointer, "detail": detail}]


def bad(pointer: str, detail: str) -> Refused:
    return Refused(400, "Invalid input", detail, pointer=pointer)


def absent(what: str) -> Refused:
    return Refused(404, "Not found", f"there is no {what}")


def conflict(detail: str) -> Refused:
    return Refused(409, "Conflict", detail)
