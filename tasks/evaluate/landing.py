"""Evaluations in the lake: a row for each arm, with what it was measured on."""

import json
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from tasks.evaluate.measures import MAIN
from tasks.evaluate.results import Evaluation
from tasks.hashing import hash_fields, sealed
from tasks.lake.schemas import EVALUATIONS
from tasks.lake.tables import Lake

KIND = "evaluations"


def land(lake: Lake, evaluation: Evaluation) -> None:
    """Write an evaluation, all its arms in one commit; candidates without a table are left out.

    Raises:
        LakeError: it cannot be written.
    """
    rows = [sealed(row) for row in _rows(evaluation)]
    if rows:
        lake.create(KIND, EVALUATIONS)
        lake.merge(lake.name(KIND), pa.Table.from_pylist(rows, schema=EVALUATIONS))


def _rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "arm_id": hash_fields(evaluation.identity, asdict(result.arm)),
            "evaluation": evaluation.identity, "time": evaluation.when,
            "table": result.arm.table, "model": result.arm.model, "way": result.arm.way,
            "reranked": result.arm.reranked, "table_version": result.version, "table_rows": result.rows,
            "kind": evaluation.kind, "judgments": evaluation.hash, "queries": len(evaluation.queries),
            "query_ids": evaluation.queries, "measure": MAIN, "values": result.values[MAIN].tolist(),
            "measures": json.dumps({name: asdict(found) for name, found in result.means.items()}),
            "queries_per_second": result.queries_per_second, "bytes": result.bytes, "margin": evaluation.margin,
        }
        for result in evaluation.arms
        if result.version is not None
    ]  # fmt: skip
