"""Whether a difference between two searches is more than chance, and which differences so few queries can show.

Paired resampling over queries, as the retrieval literature has it (Smucker, Allan and Carterette, "A Comparison of
Statistical Significance Tests for Information Retrieval Evaluation", 2007). Everything is reproducible: the random
numbers begin with one seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEVEL = 0.95
_RESAMPLES = 10_000
_AT_ONCE = 2_000_000  # random numbers in memory together
_Z_TEST, _Z_POWER = 1.959964, 0.841621  # of the normal distribution: two-sided at 5 %, and 80 % power
_SEED = 13


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm beside another, its baseline, over the same queries.

    Attributes:
        difference: of the means, arm − baseline, with its interval.
        p: of a paired permutation test, two-sided.
        p_corrected: the same, corrected for how many arms were compared.
        smallest: the least difference that so many queries show with 80 % power.
    """

    difference: Interval
    p: float
    p_corrected: float
    smallest: float


def interval(values: Values) -> Interval:
    """The mean of some queries' values, with the bootstrap's percentile interval (Efron, 1979).

    Args:
        values: of shape (n_queries,), at least one.
    """
    means = _resampled_means(values)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def difference_interval(differences: Values) -> Interval:
    """The mean of paired differences, each from −1 to 1, with its interval.

    Few queries that all agree would seem to show everything. So one query more that is lost altogether and one that is
    won stand for what was not seen (after Agresti and Coull, 1998); among hundreds they hardly count.

    Args:
        differences: of shape (n_queries,), at least one.
    """
    mean = float(differences.mean())
    found = interval(np.concatenate([differences - mean, [-1.0, 1.0]]))
    return Interval(mean, max(mean + found.low, -1.0), min(mean + found.high, 1.0))


def permutation_p(differences: Values) -> float:
    """How often chance alone gives a mean as far from 0, if each difference might as well have the other sign (Fisher's
    randomisation test); two-sided. At least 1 / 10,001.

    Args:
        differences: of shape (n_queries,).
    """
    told = differences[differences != 0]
    if not len(told):
        return 1.0
    observed = abs(told.sum()) - 1e-9  # sums that are equal but for rounding count
    chance = np.random.default_rng(_SEED)
    extreme, part = 0, max(_AT_ONCE // len(told), 1)
    for start in range(0, _RESAMPLES, part):
        signs = chance.integers(0, 2, (min(part, _RESAMPLES - start), len(told)), np.int8) * 2 - 1
        extreme += int((np.abs(signs @ told) >= observed).sum())
    return (extreme + 1) / (_RESAMPLES + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values of several comparisons, corrected so that the chance of any false alarm stays (Holm, 1979)."""
    corrected = [0.0] * len(ps)
    highest = 0.0
    for place, number in enumerate(sorted(range(len(ps)), key=lambda n: ps[n])):
        highest = max(highest, min((len(ps) - place) * ps[number], 1.0))
        corrected[number] = highest
    return corrected


def smallest_difference(differences: Values) -> float:
    """The least true difference of the means that a two-sided test at 5 % shows with 80 % power, with so many queries
    that spread so; infinite for a single one.

    Args:
        differences: paired, of shape (n_queries,).
    """
    count = len(differences)
    if count < 2:
        return float("inf")
    return float((_Z_TEST + _Z_POWER) * differences.std(ddof=1) / count**0.5)


def compared(pairs: Sequence[tuple[Values, Values]]) -> list[Comparison]:
    """Each arm beside the one that it is compared with.

    Args:
        pairs: the values of an arm and of its baseline, each of shape (n_queries,), in one order.
    """
    differences = [values - baseline for values, baseline in pairs]
    ps = [permutation_p(found) for found in differences]
    return [
        Comparison(difference_interval(found), p, corrected, smallest_difference(found))
        for found, p, corrected in zip(differences, ps, holm(ps), strict=True)
    ]


def _resampled_means(values: Values) -> Values:
    chance = np.random.default_rng(_SEED)
    part = max(_AT_ONCE // len(values), 1)
    parts = [
        values[chance.integers(0, len(values), (min(part, _RESAMPLES - start), len(values)))].mean(axis=1)
        for start in range(0, _RESAMPLES, part)
    ]
    found: Values = np.concatenate(parts)
    return found
