"""Keeping tables quick: indexes, and small files joined."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from tasks.config.models import Index
from tasks.lake.schemas import OWN
from tasks.lake.tables import Lake
from tasks.lake.versions import WEEK

_INDEX_ROWS = 200_000  # below this a search over every vector is quick and exact
_TRAINING_VECTORS = 64  # for each partition of the index; they are in memory together
_BITS = 4  # of each dimension by `rabitq`; with one bit, four times as many true vectors must be read to find as much
_MANY_FILES = 64

logger = logging.getLogger("embedlake.lake")


_KINDS: dict[Index, str] = {"rabitq": "IVF_RQ", "int8": "IVF_SQ", "flat": "IVF_FLAT"}  # as Lance calls them


def vector_index(dataset: Any) -> Any:
    """Lance's description of the vector index of a table of its, or None."""
    return next((index for index in dataset.describe_indices() if "vector" in index.field_names), None)


def has_vector_index(lake: Lake, table: str) -> bool:
    """Whether searches by meaning use an index of a table."""
    return lake.has(table) and vector_index(lake.dataset(table)) is not None


def lacks_index(lake: Lake, table: str, kind: Index) -> bool:
    """Whether a large table has no vector index, or one of another kind than it is to have."""
    if lake.count(table) < _INDEX_ROWS:
        return False
    index = vector_index(lake.dataset(table))
    return index is None or index.index_type != _possible(lake, table, kind)


def build_index(lake: Lake, table: str, kind: Index = "rabitq", anew: bool = False) -> None:
    """Build the vector index of a large table, or bring it up to date; small ones need none. The index that is there
    serves until its successor takes its place, in one commit. A conflict with another writer leaves it for the next
    time: rows that no index has are searched one by one.

    Args:
        lake: that has the table.
        table: full name.
        kind: `rabitq` keeps four bits for each dimension (RaBitQ: Gao and Long, 2024; of several bits: Gao and others,
            2025), `int8` a byte, `flat` all; searches read the true vectors of the nearest.
        anew: even where there is one of the kind.
    """
    if lake.count(table) < _INDEX_ROWS:
        return
    import lancedb.index as kinds

    try:
        if anew or lacks_index(lake, table, kind):
            logger.info("building the vector index of %s", table)
            wanted: dict[str, Callable[..., Any]] = {
                "IVF_RQ": partial(kinds.IvfRq, num_bits=_BITS),
                "IVF_SQ": kinds.IvfSq,
                "IVF_FLAT": kinds.IvfFlat,
            }
            config = wanted[_possible(lake, table, kind)](distance_type="cosine", sample_rate=_TRAINING_VECTORS)
            lake.handle(table).create_index("vector", config=config, replace=True)
        else:
            lake.handle(table).optimize(cleanup_older_than=WEEK)
    except RuntimeError as error:
        logger.info("%s was not indexed this time: %s", table, error)


def _possible(lake: Lake, table: str, kind: Index) -> str:
    """RaBitQ needs whole bytes of dimensions."""
    whole = lake.vector_field(table).type.list_size % 8 == 0
    return _KINDS["flat" if kind == "rabitq" and not whole else kind]


def compact(lake: Lake, table: str) -> None:
    """Join the small files that many commits leave, and forget versions of more than a week ago, which no
    reader or writer still uses. A conflict with another writer leaves it for the next time."""
    if not lake.has(table) or lake.dataset(table).stats.dataset_stats()["num_fragments"] < _MANY_FILES:
        return
    try:
        lake.handle(table).optimize(cleanup_older_than=WEEK)
    except RuntimeError as error:
        logger.info("%s was not compacted this time: %s", table, error)


def compact_own(lake: Lake, kind: str) -> None:
    """The same for all tables but the models'.

    Args:
        kind: of run: only an ingest may touch documents and chunks.
    """
    for own in OWN:
        if kind == "ingest" or own not in ("documents", "chunks"):
            compact(lake, lake.name(own))
