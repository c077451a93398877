"""What a lake holds: tables, models, pending work, runs and failures."""

import json
from typing import Any

from tasks.catalog import model_of
from tasks.failures import list_failures
from tasks.lake import Lake
from tasks.pending import pending_chunks
from tasks.schemas import RUNS


def status_of(lake: Lake, runs: int = 5, failures: int = 20) -> dict[str, Any]:
    """The state of a lake, as plain values.

    Args:
        lake: to look at.
        runs: how many of the last runs.
        failures: how many of the last failures.
    """
    documents = lake.read(lake.name("documents"), ["state", "bytes"])
    states: dict[str, int] = {}
    for state in documents["state"].to_pylist():
        states[state] = states.get(state, 0) + 1
    models = [
        {
            "table": row["table"], "model": row["model"], "reference": row["reference"], "state": row["state"],
            "dimension": row["dimension"], "rows": lake.count(row["table"]),
            "evaluation": json.loads(row["evaluation"] or "null"),
            "pending": len(pending_chunks(lake, row["table"], model_of(lake.corpus, row))),
        }
        for row in lake.catalog()
    ]  # fmt: skip
    all_failures = list_failures(lake)
    all_runs = lake.read(lake.name("runs"), RUNS.names).to_pylist()
    all_runs.sort(key=lambda row: row["started"], reverse=True)
    return {
        "corpus": lake.corpus.name,
        "lake": lake.uri,
        "documents": states,
        "chunks": lake.count(lake.name("chunks")),
        "models": models,
        "failures": {"total": len(all_failures), "last": [plain(row) for row in all_failures[:failures]]},
        "runs": [plain(row | {"counts": json.loads(row["counts"])}) for row in all_runs[:runs]],
    }


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with times as text, for JSON."""
    return {
        name: value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
        for name, value in row.items()
    }
