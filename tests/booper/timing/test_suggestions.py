"""What was probably meant, and no more often than whoever asks can afford."""

from booper.timing import suggestions

UNITS = ("seconds", "minutes", "hours")


def test_the_nearest_is_found_and_nothing_where_none_is_near() -> None:
    assert suggestions.nearest("minuts", UNITS) == "minutes"
    assert suggestions.nearest("fortnights", UNITS) is None


def test_no_more_are_looked_for_than_may_be_and_afterwards_as_many_as_before() -> None:
    with suggestions.at_most(2):
        found = [suggestions.nearest("minuts", UNITS) for _ in range(3)]
    assert found == ["minutes", "minutes", None]
    assert suggestions.nearest("minuts", UNITS) == "minutes"


def test_a_word_is_compared_by_its_beginning_alone() -> None:
    assert suggestions.nearest("minutes" + "s" * 100_000, UNITS) is None
