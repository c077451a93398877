"""What a hybrid search needs to know of a table, from its line in the catalog or from its rows."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.lake.nearest import View
from tasks.models.interface import unit
from tasks.search.fusion import WEIGHT
from tasks.search.retrieve import Scales


def scales_of(view: View, entry: dict[str, Any], weight: float | None, modalities: Sequence[str] = ()) -> Scales:
    """The weight and the background of a table.

    Args:
        view: of the table.
        entry: its line in the catalog.
        weight: that the search or the corpus file asks for, or None.
        modalities: of a table with rows of several; similarities are told as those of the first one.
    """
    told = json.loads(entry.get("fusion") or "{}")
    background = told.get("background")
    if background is None:
        background = background_of(view.some_of_each[modalities[0]] if modalities else view.some_vectors)
    return Scales(told.get("weight", WEIGHT) if weight is None else weight, background)


def background_of(vectors: np.ndarray) -> float:
    """The mean cosine similarity of two different ones of some vectors, of shape (n_vectors, dimension)."""
    if len(vectors) < 2:
        return 0.0
    units = unit(vectors)
    total = units.sum(axis=0)
    return float((total @ total - len(units)) / (len(units) * (len(units) - 1)))
