import numpy as np

from tasks.explore.neighbours import neighbours_of
from tasks.models.interface import unit


def test_the_nearest_are_those_of_a_search_in_all() -> None:
    vectors = unit(np.random.default_rng(5).normal(0, 1, (1500, 12)))
    nearest, distances = neighbours_of(vectors)
    assert nearest.shape == distances.shape == (1500, 10)
    likeness = vectors @ vectors.T
    for row in (0, 700, 1499):
        order = [other for other in np.argsort(-likeness[row]) if other != row][:10]
        assert nearest[row].tolist() == order
        assert np.allclose(distances[row], 1 - likeness[row, order], atol=1e-5)


def test_few_have_few_neighbours() -> None:
    assert neighbours_of(unit(np.eye(3)))[0].shape == (3, 2)
    assert neighbours_of(unit(np.eye(1)))[0].shape == (1, 0)
