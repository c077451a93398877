"""Damage to a lake's tables, as no run does it."""

import random
from typing import Any

from tasks.lake.tables import Lake

_ALTERED = {
    "documents": {"text_hash": "0" * 32, "state": "quarantined"},
    "chunks": {"text": "Something else.", "start": 3},
    "model": {"text": "Something else.", "vector": [0.0, 3.0, 0.0, 0.0], "embedded_hash": "0" * 32},
}


def damage(lake: Lake, kind: str, pick: int) -> str:
    """Damage a row of a table.

    Args:
        lake: to damage.
        kind: rows removed, rows doubled, or column altered.
        pick: chooses table, row and column.

    Returns:
        What was done; nothing where there is no row.
    """
    chance = random.Random(pick)
    names = [lake.name("documents"), lake.name("chunks"), *(entry["table"] for entry in lake.catalog())]
    names = [name for name in names if lake.count(name)]
    if not names:
        return ""
    name = chance.choice(names)
    table: Any = lake._tables[name]
    rows = table.to_arrow()
    key = "document_id" if name.endswith(".documents") else "chunk_id"
    at = chance.randrange(rows.num_rows)
    row = rows.slice(at, 1)
    where = f"{key} = '{row[key][0].as_py()}'"
    if kind == "rows removed":
        table.delete(where)
        return f"removed {where} of {name}"
    if kind == "rows doubled":
        table.add(row)
        return f"doubled {where} of {name}"
    columns = _ALTERED.get(name.rsplit(".", 1)[-1], _ALTERED["model"])
    column = chance.choice(sorted(columns.keys() & set(rows.column_names)))
    table.update(where=where, values={column: columns[column]})
    return f"altered {column} where {where} of {name}"
