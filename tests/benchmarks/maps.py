"""Time and memory of a map, of stand-in vectors.

    python -m tests.benchmarks.maps 50000 [auto|pca|tsne|umap]

Vectors are 384-dimensional in 200 groups, and the texts have 400 characters. A map is made, and its application
written, each with the CPU time that it takes; the memory is the most that the process had.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import lance
import numpy as np
import pyarrow as pa
from sklearn.manifold import trustworthiness

from tasks.explore import mapping
from tasks.explore.atlas import write_application
from tasks.explore.layout import Method
from tasks.models.interface import unit

_DIMENSION, _GROUPS, _BLOCK, _JUDGED = 384, 200, 10_000, 2000


class _Table:
    """As much of a lake as a map reads."""

    def __init__(self, dataset: Any) -> None:
        self.uri = dataset.uri
        self._dataset = dataset

    def dataset(self, _table: str) -> Any:
        return self._dataset


def _rows(count: int) -> Iterator[pa.RecordBatch]:
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 1, (_GROUPS, _DIMENSION)).astype(np.float32)
    words = [f"word{number}" for number in range(2000)]
    for start in range(0, count, _BLOCK):
        groups = generator.integers(0, _GROUPS, min(_BLOCK, count - start))
        vectors = unit(centres[groups] + generator.normal(0, 1.2, (len(groups), _DIMENSION)).astype(np.float32))
        picked = generator.integers(0, len(words), (len(groups), 50))
        texts = [
            f"group{group} " + " ".join(words[at] for at in row) for group, row in zip(groups, picked, strict=True)
        ]
        yield pa.record_batch(
            {
                "chunk_id": [f"{at:032x}" for at in range(start, start + len(groups))],
                "document_id": [f"docs:{at}" for at in range(start, start + len(groups))],
                "text": texts,
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), _DIMENSION),
            }
        )


def main() -> None:
    """Make a map of so many points and print what it took."""
    count = int(sys.argv[1])
    method: Method = next(m for m in get_args(Method) if m == (sys.argv[2] if len(sys.argv) > 2 else "auto"))
    with tempfile.TemporaryDirectory() as place:
        batches = _rows(count)
        first = next(batches)
        reader = pa.RecordBatchReader.from_batches(first.schema, (b for part in ([first], batches) for b in part))
        lake: Any = _Table(lance.write_dataset(reader, f"{place}/lake"))
        points = mapping.Points(lake, "table", count)
        began = time.perf_counter(), time.process_time()
        found = mapping._computed(points, method)
        made = time.perf_counter(), time.process_time()
        write_application(points, found, {}, [], "cluster", Path(place) / "map")
        written = time.perf_counter(), time.process_time()
        chosen = mapping.spread(count, _JUDGED)
        vectors = mapping._vectors(points.some(_JUDGED, ["vector"]))
        places = np.stack([found[axis].to_numpy()[chosen] for axis in "xy"], axis=1)
        size = sum(file.stat().st_size for file in (Path(place) / "map" / "data").rglob("*.parquet")) / 1e6
        print(
            f"{count:,} points by {method}: map {made[0] - began[0]:.0f} s ({made[1] - began[1]:.0f} s of CPU), "
            f"application {written[0] - made[0]:.0f} s ({written[1] - made[1]:.0f} s of CPU), {size:.0f} MB of rows, "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB; "
            f"trustworthiness {trustworthiness(vectors, places, n_neighbors=10, metric='cosine'):.2f}"
        )


if __name__ == "__main__":
    main()
