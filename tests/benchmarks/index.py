"""Search with the vector index of a large table beside search over every vector: recall and time.

    python -m tests.benchmarks.index [/usr/share/wordnet]

400,000 rows of a static model over WordNet's glosses; the queries are WordNet's own words and phrases.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tasks.config.loading import load_corpus
from tasks.lake.nearest import nearest
from tasks.lake.tables import Lake
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_entry
from tasks.models.interface import text_items
from tests.benchmarks.static import run, write_corpus

_TEXTS, _QUERIES, _NEAREST = 400_000, 200, 10


def main() -> None:
    """Fill a lake, ask in both ways, print what the index keeps and saves."""
    wordnet = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet")
    nouns = [line for line in (wordnet / "index.noun").read_text().splitlines() if not line.startswith(" ")]
    queries = [line.split()[0].replace("_", " ") for line in nouns[:: len(nouns) // _QUERIES]][:_QUERIES]
    with tempfile.TemporaryDirectory() as place:
        file = write_corpus(Path(place), wordnet, _TEXTS)
        report = run(file)
        opened = Lake(load_corpus(file))
        table = opened.catalog()[0]["table"]
        encoder = load_encoder(resolve_entry(opened.catalog()[0]))
        handle = opened._tables[table]
        indexed = sum(index.num_indexed_rows or 0 for index in handle.list_indices())
        kept, by_index, by_all = 0, 0.0, 0.0
        for query in queries:
            vector = encoder.encode_queries(text_items([query]))[0][0].tolist()
            clock = time.monotonic()
            found = nearest(opened, table, vector, _NEAREST, None)
            by_index += time.monotonic() - clock
            clock = time.monotonic()
            every: Any = handle.search(vector, vector_column_name="vector").distance_type("cosine")
            true = every.bypass_vector_index().limit(_NEAREST).to_list()
            by_all += time.monotonic() - clock
            kept += sum(hit["_distance"] <= true[-1]["_distance"] + 1e-5 for hit in found)
    print(f"{indexed:,} of {report['models'][0]['rows']:,} rows indexed; the run with it {report['seconds']:.1f} s")
    print(f"recall@{_NEAREST} {kept / len(queries) / _NEAREST:.3f}")
    print(f"{1000 * by_index / len(queries):.1f} ms a search; {1000 * by_all / len(queries):.1f} ms over every vector")


if __name__ == "__main__":
    main()
