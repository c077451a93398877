"""Tables of the same model with longer vectors, whose beginnings are a shorter table's (Matryoshka representation
learning, Kusupati et al., 2022)."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.config.models import kept_model
from tasks.embed.rows import with_vectors
from tasks.lake.lookup import Lookup
from tasks.lake.tables import Lake
from tasks.models.find import revision_of
from tasks.models.interface import finish
from tasks.models.resolved import ResolvedModel


@dataclass(frozen=True, slots=True)
class Wider:
    """A table with longer vectors.

    Attributes:
        table: full name.
        dimension, normalize: of the vectors that are wanted.
        max_tokens: that the model reads.
        most_tokens: of a row that is wanted; None for any.
    """

    table: str
    dimension: int
    normalize: bool
    max_tokens: int
    most_tokens: int | None

    def rows(self, lookup: Lookup, key: str, hashes: Collection[str]) -> pa.Table:
        """What it has of some contents: `key`, and what a model's table adds to chunks.

        Args:
            lookup: of its rows by `key`.
            key: column with the hash of what was embedded.
            hashes: of contents.
        """
        found = lookup.rows(hashes, ["vector", "tokens"])
        tokens = found["tokens"].fill_null(0).to_numpy()
        if self.most_tokens is not None:
            keep = np.flatnonzero(tokens <= self.most_tokens)
            found, tokens = found.take(pa.array(keep)), tokens[keep]
        if not len(found):
            return found
        vectors = np.asarray(found["vector"].combine_chunks().flatten(), np.float32).reshape(len(found), -1)
        return with_vectors(found.select([key]), finish(vectors, self.dimension, self.normalize), tokens)


def wider_tables(lake: Lake, model: ResolvedModel) -> list[Wider]:
    """The tables that a model's can be filled from: of the same origin and settings, but with longer vectors. Of int8
    models each one is calibrated for itself."""
    settings = model.settings
    if settings.dimension is None or settings.int8:
        return []
    found = []
    for entry in lake.catalog():
        theirs = kept_model(entry["settings"]).dimension
        same = revision_of(model.origin, settings.model_copy(update={"dimension": theirs})) == entry["revision"]
        if (
            same
            and theirs != settings.dimension
            and entry["dimension"] >= settings.dimension
            and lake.has(entry["table"])
        ):
            most = entry["max_tokens"] if lake.corpus.overlong == "refuse" else None
            found.append(Wider(entry["table"], settings.dimension, settings.normalize, entry["max_tokens"], most))
    return found
