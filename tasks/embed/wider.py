"""Tables of the same model with longer vectors, whose beginnings are a shorter table's (Matryoshka representation
learning, Kusupati et al., 2022)."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.config.models import kept_model
from tasks.embed.rows import checksums, with_vectors
from tasks.lake.lookup import Lookup
from tasks.lake.nearest import matrix
from tasks.lake.schemas import EMBEDDED
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
        store: the type of number that is wanted.
    """

    table: str
    dimension: int
    normalize: bool
    max_tokens: int
    most_tokens: int | None
    store: str

    def rows(self, lookup: Lookup, key: str, hashes: Collection[str]) -> pa.Table:
        """What it has of some contents: `key`, and what a model's table adds to chunks. A vector that is not the one
        that was written is left out.

        Args:
            lookup: of its rows by `key`.
            key: column with the hash of what was embedded.
            hashes: of contents.
        """
        found = lookup.rows(hashes, [*EMBEDDED])
        if not len(found):
            return found
        vectors, tokens = matrix(found), found["tokens"].fill_null(0).to_numpy()
        keep = found["checksum"].fill_null(-1).to_numpy() == np.array(checksums(vectors, tokens))
        if self.most_tokens is not None:
            keep &= tokens <= self.most_tokens
        wanted = finish(vectors[keep], self.dimension, self.normalize)
        return with_vectors(found.select([key]).filter(pa.array(keep)), wanted, tokens[keep], self.store)


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
            wanted = (settings.dimension, settings.normalize, entry["max_tokens"], most, settings.store)
            found.append(Wider(entry["table"], *wanted))
    return found
