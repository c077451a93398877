"""The gap between modalities: a model of several puts each into a cone of its own, so that the cosine of a query to any
text is higher, say, than to the very image that it describes (Liang et al., "Mind the Gap", 2022).

So each modality is searched by itself, and its similarities are told as those of texts would be: as far above the mean
of some rows taken evenly from the table as they are, in standard deviations of these, for the query that is asked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.lake.nearest import View
from tasks.models.interface import Vectors

_LEAST = 8  # rows of a modality whose spread is believed; of fewer it is that of texts
_NARROWEST = 1e-3  # spread


@dataclass(frozen=True, slots=True)
class Gap:
    """How similarities of rows of one modality are told, for one query: `score * scale + shift`."""

    modality: str
    scale: float = 1.0
    shift: float = 0.0

    def told(self, cosine: float) -> float:
        """A similarity on the scale of the first modality."""
        return cosine * self.scale + self.shift

    def cosine(self, told: float) -> float:
        """The cosine similarity that is told so."""
        return (told - self.shift) / self.scale


def modalities_of(view: View, taken: Collection[str]) -> list[str]:
    """The modalities of a table that has rows of several, text first; else none.

    Args:
        view: of the table.
        taken: by its model.
    """
    if len(taken) < 2:
        return []
    found = sorted(view.some_of_each, key=lambda name: (name != "text", name))
    return found if len(found) > 1 else []


def gaps_of(view: View, vector: Sequence[float], modalities: Sequence[str]) -> list[Gap]:
    """How the similarities of each modality to a query are told.

    Args:
        view: of the table.
        vector: of the query.
        modalities: of the table; on the scale of the first one all are told.
    """
    spreads = [_spread(view.some_of_each[name], np.asarray(vector, np.float32)) for name in modalities]
    gaps: list[Gap] = []
    for name, (mean, deviation, rows) in zip(modalities, spreads, strict=True):
        first_mean, first_deviation, _ = spreads[0]
        scale = first_deviation / deviation if rows >= _LEAST and gaps else 1.0
        gaps.append(Gap(name, scale, first_mean - mean * scale if gaps else 0.0))
    return gaps


def _spread(vectors: Vectors, vector: Vectors) -> tuple[float, float, int]:
    """Mean and standard deviation of the cosine similarities of some vectors to one, and how many they are."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    cosines = vectors @ vector / np.maximum(lengths, 1e-12)
    return float(cosines.mean()), max(float(cosines.std()), _NARROWEST), len(vectors)
