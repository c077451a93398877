"""Whether the vectors of a table are those that were written."""

import numpy as np
import pyarrow as pa

from tasks.config.models import kept_model
from tasks.embed.rows import checksums
from tasks.lake.catalog import Entry
from tasks.lake.nearest import matrix
from tasks.lake.tables import Lake

_LENGTH = 1e-3  # most by which the length of a normalised vector may differ from 1


def wrong_vectors(lake: Lake, entry: Entry) -> list[str]:
    """Rows whose vector is not finite, zero, not of its length, or not the one that was written."""
    normalised = kept_model(entry["settings"]).normalize
    wrong: list[str] = []
    for batch in lake.snapshot(entry["table"]).scan(["chunk_id", "vector", "tokens", "checksum"]):
        vectors = matrix(batch)
        lengths = np.linalg.norm(vectors, axis=1)
        bad = ~np.isfinite(lengths) | (lengths == 0)
        if normalised:
            bad |= ~(np.abs(lengths - 1) < _LENGTH)
        written = batch["checksum"].fill_null(-1).to_numpy()
        bad |= written != np.array(checksums(vectors, batch["tokens"].fill_null(0).to_numpy()))
        wrong += batch["chunk_id"].filter(pa.array(bad)).to_pylist()
    return wrong
