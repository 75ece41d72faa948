"""Quantiles are read from counts between bounds, right to a fifth."""

import random

import pytest

from jobs.telemetry import spread


def of(values: list[float]) -> dict[str, int]:
    return spread.added({spread.place(value): 1} for value in values)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_quantile_is_right_to_a_fifth(share: float) -> None:
    chance = random.Random(1)
    values = sorted(chance.lognormvariate(4, 1) for _ in range(20_000))
    exact = values[int(share * len(values))]
    assert spread.quantile(of(values), share) == pytest.approx(exact, rel=0.2)


def test_nothing_has_no_quantile() -> None:
    assert spread.quantile({}, 0.5) is None
    assert spread.quantile({"3": 0}, 0.5) is None


def test_what_is_beyond_all_bounds_is_at_the_last_one() -> None:
    assert spread.quantile(of([10**12]), 0.99) == spread.BOUNDS[-1]
    assert spread.quantile(of([0.0]), 1) == 1
