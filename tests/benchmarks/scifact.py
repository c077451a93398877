"""nDCG@10 of a corpus with judgments, through the project's own search, in each of its ways.

    SCIFACT=path/to/scifact python -m tests.benchmarks.scifact [configs/scifact.yaml] [test]

The folder holds a retrieval benchmark in BEIR's format: corpus.jsonl, queries.jsonl, and qrels/test.tsv or others.
"""

import csv
import json
import os
import sys
from math import log2
from pathlib import Path

from tasks.search.query import open_lake
from tasks.search.retrieve import Way


def ndcg(ranked: list[str], relevant: dict[str, int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain, as BEIR computes it (Järvelin and Kekäläinen, 2002)."""
    gains = [relevant.get(document, 0) for document in ranked[:depth]]
    best = sorted(relevant.values(), reverse=True)[:depth]
    return sum(g / log2(i + 2) for i, g in enumerate(gains)) / sum(g / log2(i + 2) for i, g in enumerate(best))


def judgments(folder: Path, split: str) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """The queries' texts, and which documents answer each."""
    queries = {q["_id"]: q["text"] for q in map(json.loads, (folder / "queries.jsonl").read_text("utf-8").splitlines())}
    judged: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return queries, judged


def main() -> None:
    """Search every judged query in each way and print the means."""
    file, split, *_ = [*sys.argv[1:], *("configs/scifact.yaml", "test")[len(sys.argv) - 1 :]]
    queries, judged = judgments(Path(os.environ["SCIFACT"]), split)
    lake = open_lake(file)
    ways: tuple[Way, ...] = ("text", "vector", "hybrid")
    for way in ways:
        scores = []
        for query, relevant in judged.items():
            found = lake.search(queries[query], limit=10, by=way)
            scores.append(ndcg([passage.document_id.split(":", 1)[1] for passage in found], relevant))
        print(f"{way:7}nDCG@10 = {sum(scores) / len(scores):.4f} over {len(scores)} queries", flush=True)


if __name__ == "__main__":
    main()
