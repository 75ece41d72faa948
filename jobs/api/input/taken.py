"""What each call takes besides its path, declared beside the method that reads it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Taken:
    """The query parameters of a call, and the fields of its body; None where it takes no body."""

    parameters: Sequence[str] = ()
    fields: Sequence[str] | None = None
    is_open_to_any_query: bool = False


_NOTHING = Taken()


def takes(
    *, query: Sequence[str] = (), body: Sequence[str] | None = None, is_open_to_any_query: bool = False
) -> Callable[[F], F]:
    """Declares what a view's method takes. A method without it takes nothing."""

    def declare(method: F) -> F:
        method.taken = Taken(query, body, is_open_to_any_query)  # type: ignore[attr-defined]
        return method

    return declare


def by(method: Callable[..., Any]) -> Taken:
    """What `method` was declared to take."""
    found: Taken = getattr(method, "taken", _NOTHING)
    return found
