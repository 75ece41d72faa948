"""What was probably meant: the nearest of the known words. It takes time, so whoever reads a lot may set a bound."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches

# The comparison takes time by the length of both words.
_LONGEST = 64
# How many may still be looked for; None: as many as are asked for.
_left: ContextVar[int | None] = ContextVar("suggestions_left", default=None)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Within it no more than `count` suggestions are looked for; the errors after those go without.

    Where such a bound is set already, that one holds.
    """
    if _left.get() is not None:
        yield
        return
    token = _left.set(count)
    try:
        yield
    finally:
        _left.reset(token)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one among `known` that `word` seems to mean, if one is near enough."""
    left = _left.get()
    if left is not None:
        if left <= 0:
            return None
        _left.set(left - 1)
    return next(iter(get_close_matches(word[:_LONGEST], list(known), n=1)), None)
