"""What was read last is remembered for seconds, and never more than so much of it."""

import pytest

from jobs.database.expiring_cache import ExpiringCache


def test_a_value_is_forgotten_after_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr("jobs.database.expiring_cache.time.monotonic", lambda: moment)
    cache: ExpiringCache[str, int] = ExpiringCache(seconds=5, most=2)
    cache.put("a", 1)
    moment = 104.9
    assert cache.get("a") == 1
    moment = 105.0
    assert cache.get("a") is None


def test_the_value_that_was_put_the_longest_ago_is_dropped() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(seconds=60, most=2)
    cache.put_many({"a": 1, "b": 2})
    cache.put("a", 3)
    cache.put("c", 4)
    assert cache.get_many("abc") == {"a": 3, "c": 4}


def test_what_is_forgotten_is_not_known_and_what_is_over_is_still_seen() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(seconds=0, most=2)
    cache.put("a", 1)
    assert cache.get("a") is None
    assert cache.has_seen("a")
    cache.forget("a")
    assert not cache.has_seen("a")
