"""The nearest of each vector among all of them, exactly."""

from collections.abc import Callable

import numpy as np

from tasks.models.interface import Vectors

MOST = 50_000
"""Vectors whose neighbours are looked for; the work grows with their square."""
NEAREST = 10
_BLOCK = 256  # vectors compared with all at a time


def neighbours_of(vectors: Vectors, told: Callable[[int], None] = lambda _: None) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of each vector by cosine distance, nearest first and itself left out.

    Args:
        vectors: normalised, float32 of shape (n, dimension).
        told: is called with how many are done.

    Returns:
        Their positions, int32, and distances, float32, both of shape (n, min(10, n - 1)).
    """
    count = min(NEAREST, len(vectors) - 1)
    nearest = np.empty((len(vectors), count), np.int32)
    distances = np.empty((len(vectors), count), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        end = min(start + _BLOCK, len(vectors))
        likeness = vectors[start:end] @ vectors.T
        likeness[np.arange(end - start), np.arange(start, end)] = -np.inf
        best = np.argpartition(likeness, -count, axis=1)[:, len(vectors) - count :]
        alike = np.take_along_axis(likeness, best, axis=1)
        order = np.lexsort((best, -alike), axis=1)
        nearest[start:end] = np.take_along_axis(best, order, axis=1)
        distances[start:end] = 1 - np.take_along_axis(alike, order, axis=1)
        told(end)
    return nearest, distances
