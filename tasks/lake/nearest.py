"""The nearest rows of a model's table, and filters over its columns."""

from collections.abc import Sequence
from typing import Any

from tasks.errors import ConfigurationError
from tasks.lake.snapshot import explained, plain
from tasks.lake.tables import Lake

_PROBES = 50  # partitions of the index that a search reads at least; more where a filter leaves too few rows
_REFINE = 10  # times the limit: so many of the nearest by the index are compared by their true vectors


def check_filter(lake: Lake, table: str, where: str | None) -> None:
    """Look at a filter without reading rows.

    Raises:
        ConfigurationError: it is not one condition over the table's columns.
    """
    if where is None:
        return
    error = _failure(lake, table, where, run=False)
    if error is None and _failure(lake, table, f"{where}\nAND", run=False) is None:
        # the planner stops before that end: at a semicolon, or at a bracket too many
        error = ValueError("it is more than one condition, and only the first would be read")
    if error and _failure(lake, table, None, run=False) is None:
        raise _wrong_filter(lake, table, where, error)


def nearest(lake: Lake, table: str, vector: Sequence[float], limit: int, where: str | None) -> list[dict[str, Any]]:
    """The nearest rows by cosine distance, which is in `_distance`.

    Raises:
        ConfigurationError: the filter fails on the rows.
        LakeError: the table cannot be read.
    """
    query: Any = lake.handle(table).search(list(vector), vector_column_name="vector")
    query = query.distance_type("cosine").limit(limit)
    query = query.minimum_nprobes(_PROBES).maximum_nprobes(0).refine_factor(_REFINE)
    if where is not None:
        query = query.where(where, prefilter=True)
    try:
        found: list[dict[str, Any]] = explained(
            table, "searched", query.select([*_columns(lake, table), "_distance"]).to_list
        )
    except Exception:  # Lance raises what its object store raises, and its planner
        failure = _failure(lake, table, where, run=True) if where is not None else None
        if where is not None and failure and _failure(lake, table, None, run=True) is None:
            raise _wrong_filter(lake, table, where, failure) from None
        raise
    return found


def _failure(lake: Lake, table: str, where: str | None, run: bool) -> Exception | None:
    """What goes wrong where nothing is asked but a filter, or not even that: in planning, or also in reading."""
    query: Any = lake.handle(table).search().select(_columns(lake, table))
    if where is not None:
        query = query.where(where)
    try:
        if run:
            for _ in query.to_batches():
                pass
        else:
            query.limit(1).explain_plan()
    except Exception as error:
        return error
    return None


def _wrong_filter(lake: Lake, table: str, where: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the filter {where!r} cannot be used: {plain(error)}",
        f"Write one condition in SQL over the columns {', '.join(_columns(lake, table))}.{_spelled(lake)}",
    )


def _spelled(lake: Lake) -> str:
    """How SQL spells values of the types that a corpus has beside texts and numbers."""
    spelled = {"date": "a day as date '2024-01-31'", "datetime": "a time as timestamp '2024-01-31 12:00:00' (UTC)"}
    spelled["strings"] = "a word in a list as array_has(words, 'word')"
    there = [text for kind, text in spelled.items() if kind in lake.corpus.metadata.values()]
    return f" Write {', '.join(there)}." if there else ""


def _columns(lake: Lake, table: str) -> list[str]:
    return [name for name in lake.handle(table).schema.names if name != "vector"]
