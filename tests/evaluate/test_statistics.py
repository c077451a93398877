"""Tests are as rarely wrong as they say, intervals cover as often as they say."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluate import statistics
from tasks.evaluate.statistics import (
    compared,
    difference_interval,
    holm,
    interval,
    permutation_p,
    smallest_difference,
)

PS = st.lists(st.floats(0, 1), min_size=1, max_size=8)
DIFFERENCES = st.lists(st.floats(-1, 1), min_size=1, max_size=40).map(np.array)


@pytest.fixture
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_RESAMPLES", 400)


@pytest.mark.usefixtures("_fewer")
def test_p_values_are_uniform_where_there_is_no_difference() -> None:
    chance = np.random.default_rng(1)
    ps = np.array([permutation_p(chance.normal(size=40)) for _ in range(600)])
    for level in (0.05, 0.2, 0.5, 0.8):
        assert abs((ps <= level).mean() - level) < 4 * (level * (1 - level) / 600) ** 0.5


@pytest.mark.usefixtures("_fewer")
@pytest.mark.parametrize("find", [interval, difference_interval])
def test_intervals_cover_the_truth(find: Any) -> None:
    chance = np.random.default_rng(2)
    truth = 0.3
    found = [find(np.clip(chance.normal(truth, 0.25, 60), -1, 1)) for _ in range(400)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.91 < covered < (0.98 if find is interval else 1.0)


def test_a_clear_difference_is_seen_and_none_is_not() -> None:
    chance = np.random.default_rng(3)
    baseline = chance.uniform(size=200)
    [better, same] = compared([(baseline + 0.1, baseline), (baseline, baseline)])
    assert better.p_corrected < 0.01
    assert better.difference.low > 0
    assert (same.p, same.difference.mean) == (1.0, 0.0)


def test_few_queries_that_agree_show_little() -> None:
    few, many = difference_interval(np.zeros(5)), difference_interval(np.zeros(300))
    assert few.low < -0.2
    assert -0.02 < many.low < 0


@given(DIFFERENCES)
def test_the_sign_does_not_matter_to_a_two_sided_test(differences: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "_RESAMPLES", 50)
        assert permutation_p(differences) == permutation_p(-differences)
        found = difference_interval(differences)
        assert found.low <= found.mean <= found.high


@given(PS)
def test_a_correction_lowers_no_p_and_keeps_their_order(ps: list[float]) -> None:
    corrected = holm(ps)
    assert all(p <= c <= 1 for p, c in zip(ps, corrected, strict=True))
    assert [c for _, c in sorted(zip(ps, corrected, strict=True))] == sorted(corrected)
    assert min(corrected) == pytest.approx(min(1.0, len(ps) * min(ps)))


def test_four_times_the_queries_show_half_the_difference() -> None:
    differences = np.tile([0.5, -0.5], 50)
    assert smallest_difference(np.tile(differences, 4)) == pytest.approx(smallest_difference(differences) / 2, rel=0.01)
    assert smallest_difference(np.array([0.1])) == float("inf")


@pytest.mark.usefixtures("_fewer")
def test_the_smallest_difference_is_seen_four_times_of_five() -> None:
    chance = np.random.default_rng(4)
    spread, count = 0.3, 80
    least = smallest_difference(chance.normal(0, spread, 10_000)) * (10_000 / count) ** 0.5
    seen = np.mean([permutation_p(chance.normal(least, spread, count)) < 0.05 for _ in range(300)])
    assert 0.7 < seen < 0.9
