"""What each kind of vector index finds, takes and costs, over the table of the service's benchmark.

python -m tests.benchmarks.kinds FOLDER

FOLDER is one that `tests.benchmarks.serving ROWS SECONDS CLIENTS FOLDER` made. The index of its table is built anew as
each kind; bytes are those of the index.
"""

import sys
import time
from pathlib import Path

import numpy as np

from tasks.config.loading import load_corpus
from tasks.config.models import Index
from tasks.lake.maintenance import build_index
from tasks.lake.nearest import FIRST, USUAL, Effort, View, matrix
from tasks.lake.recall import NEAREST, exact_similarities, recall_of
from tasks.lake.tables import Lake

_EFFORTS = (Effort(10, 100), Effort(10, 300), Effort(50, 100), Effort(50, 200), USUAL)
_KINDS: tuple[Index, ...] = ("flat", "int8", "rabitq")


def main() -> None:
    """Build, ask, print."""
    folder = Path(sys.argv[1])
    lake = Lake(load_corpus(folder / "c.yaml"))
    table = lake.catalog()[0]["table"]
    snapshot = lake.snapshot(table)
    positions = np.unique(np.linspace(0, len(snapshot) - 1, 200).astype(int))
    queries = matrix(snapshot.take(positions, ["vector"]))
    nearest = exact_similarities(map(matrix, snapshot.scan(["vector"], rows=65_536)), queries, positions, NEAREST)
    print("| index | probes, refined | recall@10 | bytes a row | p50, ms | processor time, ms |")
    for kind in _KINDS:
        before = {place.name for place in (folder / "lake" / f"{table}.lance" / "_indices").iterdir()}
        began = time.monotonic()
        build_index(lake, table, kind, anew=True)
        built = time.monotonic() - began
        made = [p for p in (folder / "lake" / f"{table}.lance" / "_indices").iterdir() if p.name not in before]
        size = sum(file.stat().st_size for place in made for file in place.rglob("*")) / len(snapshot)
        view = View(lake, table)
        for effort in _EFFORTS:
            recall = recall_of(view, queries, nearest, effort)
            taken, clock = [], time.process_time()
            for query in queries:
                began = time.perf_counter()
                view.nearest(query.tolist(), FIRST, effort=effort)
                taken.append((time.perf_counter() - began) * 1000)
            used = (time.process_time() - clock) * 1000 / len(queries)
            told = (
                f"{effort.probes}, {effort.refined} | {recall:.3f} | {size:.0f} | {np.median(taken):.1f} | {used:.1f}"
            )
            print(f"| {kind} | {told} |", flush=True)
        print(f"{kind} built in {built:.1f} s", flush=True)


if __name__ == "__main__":
    main()
