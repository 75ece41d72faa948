"""A property with a fault behind some bytes in a row, for the test of bin/fuzz."""

from hypothesis import given
from hypothesis import strategies as st

WORDS = [b"hello"]


@given(st.binary())
def test_words(words: bytes) -> None:
    for place, byte in enumerate(b"boop!"):
        if len(words) <= place or words[place] != byte:
            return
    raise AssertionError("the fault that was planted")
