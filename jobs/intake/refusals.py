"""Why input is refused: everything that is wrong with it at once, each at its place and with its remedy."""

from collections.abc import Sequence
from dataclasses import dataclass

from booper.content import payloads

MOST_ERRORS = 50
_LONGEST_PLACE = 100


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong: where (a JSON pointer into the body, or into the query parameters), and the remedy."""

    pointer: str
    detail: str


class Unreadable(ValueError):
    """A value makes no sense; the message says why, and is fit for a client to read."""


class Refusal(Exception):
    """Input that is not taken. `detail` says why; `errors` says where, or is None where no field is at fault."""

    status = 400
    errors: list[dict[str, str]] | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(Refusal):
    """400, with everything that is wrong with the request at once."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(_summary(errors))
        self.errors = [
            {"pointer": payloads.storable_text(error.pointer), "detail": payloads.storable_text(error.detail)}
            for error in errors[:MOST_ERRORS]
        ]


class Unlisted(Refusal):
    """400, of one among many whose mistakes are not listed, as those before it had as many as are."""

    def __init__(self, count: int) -> None:
        what = "something is" if count == 1 else f"{count} things are"
        super().__init__(
            f"{what} wrong with it: only the first {MOST_ERRORS} of a batch are listed, so mend those first"
        )
        self.errors = []


class KeyHeld(Refusal):
    """409: another job holds its idempotency key, and it asked for that not to be answered, or can't replace it."""

    status = 409


class BodyTooLarge(Refusal):
    """413."""

    status = 413


def pointer(*path: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path of keys and positions: ("schedule_in", 1) is /schedule_in/1."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _summary(errors: Sequence[FieldError]) -> str:
    first = errors[0]
    place = first.pointer.removeprefix("/")
    others = len(errors) - 1
    summary = f"{place}: {first.detail}" if 0 < len(place) <= _LONGEST_PLACE else first.detail
    return f"{summary} (and {others} more, see errors)" if others else summary
