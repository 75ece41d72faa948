"""User-Agents in words."""

import pytest

from jobs.guarding import browsers

_MOZILLA = "Mozilla/5.0"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{_MOZILLA} (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Windows"),
        (f"{_MOZILLA} (X11; Linux x86_64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
        (f"{_MOZILLA} (Windows NT 10.0) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (f"{_MOZILLA} (Linux; Android 10; K) {_WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{_MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        (f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15", "Safari on macOS"),
        ("Firefox/145.0", "Firefox"),
        ("curl/8.16.0", "curl"),
        ("<script>alert(1)</script>", "an unknown browser"),
        ("", "an unknown browser"),
        ("x" * 10_000, "x" * 30),
    ],
)
def test_words(user_agent: str, words: str) -> None:
    assert browsers.in_words(user_agent) == words
    assert len(words) <= 60
