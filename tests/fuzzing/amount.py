"""How much is tried: little as a rule, the same each time; with `FUZZ_EXAMPLES=20000` so many of each, by chance."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
IS_LONG = EXAMPLES > 0
# A test of its own takes minutes then.
LONGEST_SECONDS = 7200 if IS_LONG else 300

fuzz: Callable[[Any], Any] = settings(
    max_examples=EXAMPLES or 150,
    derandomize=not IS_LONG,
    database=None,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)

_PIECES = "0123456789-+.:,;/*@#?&=%[]{}()<>\"'\\| \t\r\n\x00TZLWazAZ\u0660\u2028\u202e\ud800\U0001f600\ufeff"


def close_to(examples: Sequence[str], *, pieces: str = _PIECES) -> st.SearchStrategy[str]:
    """Texts that are almost as these are: pieces put in, taken out and doubled; and any others."""
    return st.one_of(
        st.sampled_from(examples),
        st.builds(_edited, st.sampled_from(examples), st.lists(_edits(pieces), min_size=1, max_size=4)),
        st.text(st.sampled_from(pieces), max_size=40),
        st.text(max_size=40),
    )


def bytes_close_to(examples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """The same of bytes."""
    texts = [example.decode("latin-1") for example in examples]
    edited = close_to(texts, pieces="".join(map(chr, range(256)))).filter(_is_latin)
    return st.one_of(edited.map(lambda text: text.encode("latin-1")), st.binary(max_size=200))


def json_values() -> st.SearchStrategy[Any]:
    """Whatever JSON may hold."""
    plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    return st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def _edits(pieces: str) -> st.SearchStrategy[tuple[int, int, str]]:
    return st.tuples(st.integers(0, 200), st.integers(0, 3), st.text(st.sampled_from(pieces), max_size=6))


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for at, length, piece in edits:
        place = at % (len(text) + 1)
        text = text[:place] + piece + text[place + length :]
    return text


def _is_latin(text: str) -> bool:
    return all(ord(character) < 256 for character in text)


def require_words(refusal: ValueError, *, most: int) -> None:
    """A refusal says something, in a line that may be shown."""
    assert 0 < len(str(refusal)) < most
    assert "\n" not in str(refusal)
    str(refusal).encode()
