"""What a lake holds: tables, models, pending work, runs, failures, and other corpora."""

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.embed.pending import pending_chunks
from tasks.ingest.update import count_duplicates
from tasks.lake.catalog import model_of, taken_by
from tasks.lake.failures import EMBEDDING, list_failures
from tasks.lake.neighbours import neighbours
from tasks.lake.schemas import RUNS
from tasks.lake.switches import history
from tasks.lake.tables import Lake
from tasks.operate.promote import named_tables, notes_on


def status_of(lake: Lake, runs: int = 5, failures: int = 20, switches: int = 5) -> dict[str, Any]:
    """The state of a lake, as plain values.

    Args:
        lake: to look at.
        runs: how many of the last runs.
        failures: how many of the last failures.
        switches: how many of the last changes of the live table.
    """
    states = Counter(lake.read(lake.name("documents"), ["state"])["state"].to_pylist())
    all_failures = list_failures(lake)
    failed = Counter(row["stage"] for row in all_failures)
    catalog = lake.catalog()
    models = [
        {
            "table": row["table"], "model": row["model"], "reference": row["reference"], "state": row["state"],
            "behind_since": _told(row["behind_since"]), "retire_at": _told(row["retire_at"]),
            "dimension": row["dimension"], "rows": lake.count(row["table"]),
            "evaluation": json.loads(row["evaluation"] or "null"),
            "fusion": json.loads(row["fusion"] or "null"),
            "vector_index": json.loads(row["vector_index"] or "null"),
            "pending": len(pending_chunks(lake, row["table"], model_of(lake.corpus, row), taken_by(row))),
            "failed": failed[EMBEDDING + row["table"]],
            "overlong": _overlong(lake, row["table"], row["max_tokens"]),
        }
        for row in catalog
    ]  # fmt: skip
    all_runs = lake.read(lake.name("runs"), RUNS.names).to_pylist()
    all_runs.sort(key=lambda row: row["started"], reverse=True)
    return {
        "corpus": lake.corpus.name,
        "lake": lake.uri,
        "documents": dict(states),
        "duplicates": count_duplicates(lake),
        "chunks": lake.count(lake.name("chunks")),
        "modalities": _modalities(lake),
        "encodings": _encodings(lake),
        "models": models,
        "notes": notes_on(lake.corpus, catalog, named_tables(lake.corpus, catalog)),
        "switches": [plain(row) for row in history(lake, catalog)[: -switches - 1 : -1]],
        "failures": {"total": len(all_failures), "last": [plain(row) for row in all_failures[:failures]]},
        "runs": [plain(row | {"counts": json.loads(row["counts"])}) for row in all_runs[:runs]],
        "others": [other.to_dict() for other in neighbours(lake)],
    }


def _encodings(lake: Lake) -> list[dict[str, Any]]:
    """How many documents were read in each encoding, and how sure the least sure guess of it was."""
    rows = lake.read(lake.name("documents"), ["encoding", "encoding_confidence"], "state = 'active'")
    rows = rows.filter(rows["encoding"].is_valid())
    found = rows.group_by("encoding").aggregate([("encoding", "count"), ("encoding_confidence", "min")]).to_pylist()
    return [
        {
            "encoding": row["encoding"], "documents": row["encoding_count"],
            "least_confidence": row["encoding_confidence_min"],
        }
        for row in sorted(found, key=lambda row: -row["encoding_count"])
    ]  # fmt: skip


def _modalities(lake: Lake) -> dict[str, int]:
    """How many chunks there are of each modality; nothing where all are texts."""
    counts = pc.value_counts(lake.read(lake.name("chunks"), ["modality"])["modality"].fill_null("text")).to_pylist()
    found = {row["values"]: row["counts"] for row in counts}
    return dict(sorted(found.items())) if set(found) - {"text"} else {}


def _overlong(lake: Lake, table: str, max_tokens: int) -> int:
    """Rows of a model's table whose text is longer than the model reads."""
    tokens = lake.read(table, ["tokens"], "modality IS NULL OR modality = 'text'")["tokens"].cast(pa.int64())
    return pc.sum(pc.greater(tokens, max_tokens)).as_py() or 0


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with times as text, for JSON."""
    return {name: _told(value) for name, value in row.items()}


def _told(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
