import numpy as np
import pytest

from tasks.errors import ConfigurationError
from tasks.explore import layout
from tasks.explore.layout import Method, placing
from tasks.models.interface import unit

METHODS: tuple[Method, ...] = ("auto", "pca")


def clouds(count: int, dimension: int = 16, groups: int = 6) -> np.ndarray:
    """Points in groups that lie far from each other."""
    generator = np.random.default_rng(3)
    centres = generator.normal(0, 1, (groups, dimension))
    return unit(centres[np.arange(count) % groups] + generator.normal(0, 0.2, (count, dimension)))


@pytest.mark.parametrize("method", METHODS)
def test_equal_landmarks_are_laid_out_equally(method: Method) -> None:
    vectors = clouds(60)
    assert np.array_equal(placing(vectors, method)(vectors), placing(vectors, method)(vectors))


def test_what_is_alike_lies_together() -> None:
    from sklearn.manifold import trustworthiness

    vectors = clouds(400)
    places = placing(vectors[::4], "auto")(vectors)
    assert places.shape == (400, 2)
    assert trustworthiness(vectors, places, n_neighbors=10) > 0.85
    shuffled = np.random.default_rng(0).permutation(places)
    assert trustworthiness(vectors, shuffled, n_neighbors=10) < 0.6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 9, 10, 11])
def test_few_points_have_places_too(method: Method, count: int) -> None:
    vectors = clouds(count)
    places = placing(vectors, method)(vectors)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("method", METHODS)
def test_equal_and_zero_vectors_have_places(method: Method) -> None:
    vectors = unit(np.vstack([np.ones((30, 4)), np.zeros((3, 4))]))
    assert np.isfinite(placing(vectors, method)(vectors)).all()


def test_vectors_of_one_number_have_places() -> None:
    vectors = unit(np.ones((5, 1)))
    assert placing(vectors, "pca")(vectors).shape == (5, 2)


def test_a_method_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="umap-learn") as told:
        layout.placing(clouds(20), "umap")
    assert "pip install umap-learn" in told.value.hint
