"""Whether the vector index of a table finds what a search over every vector would.

After an index was built or brought up to date, some rows' own vectors are asked for in both ways. Where too few of the
ten nearest are found, searches look at more; where that does not do, the index is built anew. What was found, and how
much searches look at, stands in the catalog.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np

from tasks.config.models import Index
from tasks.lake.catalog import Entry, change_catalog, entry_of
from tasks.lake.maintenance import build_index, has_vector_index
from tasks.lake.nearest import FIRST, USUAL, Effort, View, matrix
from tasks.lake.tables import Lake
from tasks.models.interface import Vectors, unit

LEAST = 0.95
"""The share of the ten nearest that searches must find."""
NEAREST = 10
_QUERIES = 200  # rows whose neighbours are looked for
_BATCH = 65_536  # rows that are compared at once
_HARDER = (1, 2, 4, 8)  # times what searches look at by default
_CHANGE = 0.01  # of the rows that an index takes in before it is judged again: reading every vector takes a while
_GROWTH = 1.25  # times as many rows, before an index that being built anew did not mend is built anew again
_EQUAL = 1e-5  # cosine distances so close are one

logger = logging.getLogger("embedlake.lake")


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a table's vector index.

    Attributes:
        kind: of the index.
        recall: the share of the ten nearest rows that a search finds.
        queries: rows that were asked for.
        probes, refined: see `Effort`.
        rows: of the table.
        table_version: that was searched.
        rebuilt: rows of the table when the index was last built anew for its recall, or 0.
        time: ISO 8601, in UTC.
        arrived: rows that were written since.
    """

    kind: str
    recall: float
    queries: int
    probes: int
    refined: int
    rows: int
    table_version: int
    rebuilt: int
    time: str
    arrived: int = 0

    @property
    def effort(self) -> Effort:
        """How much searches look at."""
        return Effort(self.probes, self.refined)


def judged_in(entry: Entry) -> Judged | None:
    """What a line of the catalog says of its table's index."""
    told = entry.get("vector_index")
    return Judged(**json.loads(told)) if told else None


def effort_in(entry: Entry) -> Effort:
    """How much searches of a table look at."""
    judged = judged_in(entry)
    return judged.effort if judged else USUAL


def lacks_judgment(lake: Lake, entry: Entry) -> bool:
    """Whether a table has a vector index of which it is not known what it finds, as where a run broke off."""
    return judged_in(entry) is None and has_vector_index(lake, entry["table"])


def settle_index(lake: Lake, table: str, kind: Index, holder: str, arrived: int) -> None:
    """Build the vector index of a table or bring it up to date, and see to it that searches find what they should.

    Args:
        lake: that has the table.
        table: full name.
        kind: of index that it is to have.
        holder: the run's id.
        arrived: rows that the run wrote.
    """
    build_index(lake, table, kind)
    view, entry = View(lake, table), entry_of(lake, table)
    if entry is None or not view.has_vector_index:
        return
    known = judged_in(entry)
    if known and known.kind == kind:
        arrived += known.arrived
        if max(arrived, abs(view.rows - known.rows)) <= _CHANGE * known.rows:
            if arrived != known.arrived:
                _note(lake, table, replace(known, arrived=arrived), holder)
            return
    found = judge(view, kind, known.rebuilt if known else 0)
    if found.recall < LEAST and not found.rebuilt / _GROWTH < view.rows < found.rebuilt * _GROWTH:
        logger.info("the vector index of %s finds %.3f of the nearest; it is built anew", table, found.recall)
        build_index(lake, table, kind, anew=True)
        view = View(lake, table)
        found = judge(view, kind, view.rows)
    if found.recall < LEAST:
        logger.warning(
            "searches of %s find %.3f of the %d nearest rows; a more exact index is `index: int8` or `index: flat` of "
            "its model in the corpus file", table, found.recall, NEAREST,
        )  # fmt: skip
    _note(lake, table, found, holder)


def _note(lake: Lake, table: str, judged: Judged, holder: str) -> None:
    told = json.dumps(asdict(judged))
    change_catalog(lake, holder, lambda _: {table: {"vector_index": told}})


def judge(view: View, kind: str, rebuilt: int = 0) -> Judged:
    """What a table's index finds, with the least effort that finds enough, or with the most of all.

    Args:
        view: of the table.
        kind: of its index.
        rebuilt: rows of the table when it was last built anew for its recall, or 0.
    """
    positions = np.unique(np.linspace(0, view.rows - 1, min(_QUERIES, view.rows)).astype(int))
    queries = matrix(view.snapshot.take(positions, ["vector"]))
    vectors = map(matrix, view.snapshot.scan(["vector"], rows=_BATCH))
    nearest = exact_similarities(vectors, queries, positions, NEAREST)
    for harder in _HARDER:
        effort = USUAL.times(harder)
        recall = recall_of(view, queries, nearest, effort)
        if recall >= LEAST:
            break
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Judged(
        kind, round(recall, 4), len(queries), effort.probes, effort.refined, view.rows, view.version, rebuilt, now
    )


def exact_similarities(vectors: Iterable[Vectors], queries: Vectors, positions: np.ndarray, count: int) -> np.ndarray:
    """The cosine similarities of some rows to those nearest to them, the rows themselves left out; by reading all.

    Args:
        vectors: of all rows in order, float32 of shape (n, dimension) each.
        queries: vectors of some rows, of shape (n_queries, dimension).
        positions: of those rows among all, of shape (n_queries,).
        count: how many of the nearest.

    Returns:
        Of shape (n_queries, count), highest first; -inf where there are fewer rows.
    """
    best = np.full((len(queries), count), -np.inf, np.float32)
    units, first = unit(queries), 0
    for some in vectors:
        similar = units @ unit(some).T
        own = (positions >= first) & (positions < first + len(some))
        similar[np.flatnonzero(own), positions[own] - first] = -np.inf
        both = np.concatenate([best, similar], axis=1)
        best = np.partition(both, both.shape[1] - count, axis=1)[:, -count:]
        first += len(some)
    return -np.sort(-best, axis=1)


def recall_of(view: View, queries: Vectors, nearest: np.ndarray, effort: Effort) -> float:
    """The share of the nearest rows that searches find, as a search by vector makes them.

    Args:
        view: of the table.
        queries: vectors of some of its rows, of shape (n_queries, dimension).
        nearest: their true similarities, as `exact_similarities` gives them.
        effort: of the searches.
    """
    found = wanted = 0
    for query, true in zip(queries, nearest, strict=True):
        true = true[np.isfinite(true)]
        similar = [1 - one.score for one in view.nearest(query.tolist(), FIRST, effort=effort)]
        near_enough = sum(one >= true[-1] - _EQUAL for one in similar) if len(true) else 0
        found += min(max(near_enough - 1, 0), len(true))  # one of them is the row itself
        wanted += len(true)
    return found / wanted if wanted else 1.0
