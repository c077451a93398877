"""Keeping tables quick: indexes, and small files joined."""

import logging

from tasks.lake.schemas import OWN
from tasks.lake.tables import Lake
from tasks.lake.versions import WEEK

_INDEX_ROWS = 200_000  # below this a search over every vector is quick and exact
_TRAINING_VECTORS = 64  # for each partition of the index; they are in memory together
_MANY_FILES = 64

logger = logging.getLogger("embedlake.lake")


def build_index(lake: Lake, table: str) -> None:
    """Build the vector index of a large table, or bring it up to date; small ones need none. It keeps a bit for
    each dimension (RaBitQ: Gao and Long, 2024); searches read the true vectors of the nearest. A conflict with
    another writer leaves it for the next time: rows that no index has are searched one by one."""
    if lake.count(table) < _INDEX_ROWS:
        return
    from lancedb.index import IvfFlat, IvfRq

    handle = lake.handle(table)
    try:
        if not any("vector" in index.columns for index in handle.list_indices()):
            whole = lake.vector_field(table).type.list_size % 8 == 0  # as RaBitQ needs it
            kind = IvfRq if whole else IvfFlat
            logger.info("building the vector index of %s", table)
            handle.create_index("vector", config=kind(distance_type="cosine", sample_rate=_TRAINING_VECTORS))
        else:
            handle.optimize(cleanup_older_than=WEEK)
    except RuntimeError as error:
        logger.info("%s was not indexed this time: %s", table, error)


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
