"""nDCG@10 of a corpus with judgments, through the project's own search.

    SCIFACT=path/to/scifact python -m tests.benchmarks.scifact configs/scifact.yaml

The folder holds a retrieval benchmark in BEIR's format: corpus.jsonl, queries.jsonl, qrels/test.tsv.
"""

import csv
import json
import os
import sys
from math import log2
from pathlib import Path

from tasks.search.query import open_lake


def ndcg(ranked: list[str], relevant: dict[str, int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain, as BEIR computes it (Järvelin and Kekäläinen, 2002)."""
    gains = [relevant.get(document, 0) for document in ranked[:depth]]
    best = sorted(relevant.values(), reverse=True)[:depth]
    return sum(g / log2(i + 2) for i, g in enumerate(gains)) / sum(g / log2(i + 2) for i, g in enumerate(best))


def main() -> None:
    """Search every judged query and print the mean."""
    folder = Path(os.environ["SCIFACT"])
    queries = {q["_id"]: q["text"] for q in map(json.loads, (folder / "queries.jsonl").read_text("utf-8").splitlines())}
    judged: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    lake = open_lake(sys.argv[1] if len(sys.argv) > 1 else "configs/scifact.yaml")
    scores = []
    for query, relevant in judged.items():
        found = lake.search(queries[query], limit=10)
        scores.append(ndcg([passage.document_id.split(":", 1)[1] for passage in found], relevant))
    print(f"nDCG@10 = {sum(scores) / len(scores):.4f} over {len(scores)} queries")


if __name__ == "__main__":
    main()
