"""Vectors on a plane: some of them, the landmarks, are laid out, and the others go beside the landmarks most like them.

t-SNE (van der Maaten and Hinton, 2008; Barnes-Hut, 2014) and UMAP (McInnes and others, 2018) keep neighbourhoods, and
take minutes for more than some ten thousand points; placing a point by its nearest landmarks costs a row of a matrix
product, as in landmark multidimensional scaling (de Silva and Tenenbaum, 2004). PCA keeps the largest distances.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from tasks.errors import ConfigurationError
from tasks.models.interface import Vectors

Method = Literal["auto", "pca", "tsne", "umap"]
LANDMARKS: dict[Method, int] = {"auto": 3000, "tsne": 10_000, "umap": 50_000, "pca": 50_000}
"""Most points that each method lays out itself; `auto` is t-SNE of few."""

Place = Callable[[Vectors], Vectors]
"""Gives normalised vectors, of shape (n, dimension), their places, of shape (n, 2)."""

_NEAREST = 5  # landmarks that decide where a point goes
_SHARPNESS = 30.0  # of their weights, which are exp(sharpness × cosine)
_STEPS = 400  # of t-SNE; the first 250 of them are its early exaggeration
_PERPLEXITY = 30
_COMPONENTS = 50  # principal components that t-SNE reads
_THREADS = 2  # sums of two parts do not depend on which thread is first, those of more do
_FEWEST = 10  # points that have neighbourhoods


def placing(landmarks: Vectors, method: Method) -> Place:
    """Lay landmarks out; what places any other vector among them.

    The same landmarks are laid out in the same way each time.

    Args:
        landmarks: normalised, float32 of shape (n_landmarks, dimension), n_landmarks at least 1.
        method: how they are laid out.

    Raises:
        ConfigurationError: the method is not installed.
    """
    if method == "umap":
        _check_umap()
    pca = _principal(landmarks, 2)
    if method == "pca" or len(landmarks) < _FEWEST:
        return pca
    places = _umap(landmarks) if method == "umap" else _tsne(landmarks, pca(landmarks))

    def place(vectors: Vectors) -> Vectors:
        likeness = vectors @ landmarks.T
        nearest = np.argpartition(likeness, -_NEAREST, axis=1)[:, -_NEAREST:]
        alike = np.take_along_axis(likeness, nearest, axis=1)
        weights = np.exp(_SHARPNESS * (alike - alike.max(axis=1, keepdims=True)))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray((places[nearest] * weights[:, :, None]).sum(axis=1), np.float32)

    return place


def _principal(vectors: Vectors, components: int) -> Place:
    """Projection on the first principal components, zero where there are fewer."""
    mean = vectors.mean(axis=0)
    centred = (vectors - mean).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :components]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)  # a sign of its own
    axes = np.pad(axes, ((0, 0), (0, components - axes.shape[1]))).astype(np.float32)
    return lambda others: np.asarray((others - mean) @ axes, np.float32)


def _tsne(landmarks: Vectors, start: Vectors) -> Vectors:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    read = _principal(landmarks, _COMPONENTS)(landmarks)
    noise = np.random.default_rng(0).normal(0, 1e-6, start.shape)  # equal points could never part
    tsne = TSNE(
        init=start / max(float(start.std()), 1e-12) * 1e-4 + noise, perplexity=min(_PERPLEXITY, (len(read) - 1) / 3),
        max_iter=_STEPS, random_state=0,
    )  # fmt: skip
    with threadpool_limits(_THREADS):
        return np.asarray(tsne.fit_transform(read), np.float32)


def _check_umap() -> None:
    from importlib.util import find_spec

    if find_spec("umap") is None:
        raise ConfigurationError(
            "--method umap needs the package umap-learn, which is not installed",
            "Install it with: pip install umap-learn; or leave --method out.",
        )


def _umap(landmarks: Vectors) -> Vectors:
    from umap import UMAP

    umap = UMAP(metric="cosine", n_neighbors=min(15, len(landmarks) - 1), random_state=0, n_jobs=1)
    return np.asarray(umap.fit_transform(landmarks), np.float32)
