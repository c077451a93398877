"""The rows of a model's table that are nearest to a vector or match words, and filters over its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from lance.query import BooleanQuery, FullTextQuery, MatchQuery, MultiMatchQuery, Occur

from tasks.errors import ConfigurationError
from tasks.lake.analysis import Analysis, words_of
from tasks.lake.fulltext import COLUMNS, analysis_in, text_indexes
from tasks.lake.literals import in_backticks, quoted
from tasks.lake.maintenance import vector_index
from tasks.lake.schemas import EMBEDDED
from tasks.lake.snapshot import Snapshot, explained, plain
from tasks.lake.tables import Lake
from tasks.models.interface import Vectors
from tasks.models.template import HASH

FIRST = 25
"""Rows that a search by vector asks for at first, though it may show fewer."""
_FEW = 1_000  # rows that may be asked for before every partition of the index is looked at
_SUMMED_ROWS = 50_000  # up to so many, words in title and headings add to those in the text; else the best one counts
_SOME = 500  # vectors that are looked at to know the others
_UNSHOWN = {*EMBEDDED, HASH, "version", "document_hash", "source", "token_count", "text_hash", "visual_hash"}
"""Columns that no search shows; each one that is read of ten rows takes a third of a millisecond."""

Row = dict[str, Any]


class Found(NamedTuple):
    """A row that a search found.

    Attributes:
        row_id: in the view.
        text_hash: of its text.
        score: cosine distance, or BM25.
    """

    row_id: int
    text_hash: str
    score: float


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of an index a search looks at.

    Attributes:
        probes: partitions that are read; more where a filter leaves too few rows.
        refined: so many of the nearest by the index are compared by their true vectors, or as many as are asked for, if
            that is more; by an index that needs more than the usual effort, so many times as many.
    """

    probes: int = 50
    refined: int = 75

    def times(self, factor: int) -> "Effort":
        """So many times as much."""
        return Effort(self.probes * factor, self.refined * factor)

    def overshoot(self, limit: int) -> int:
        """How many times as many are compared as so many that are asked for. An index that is not exact, as one of a
        single bit for each dimension, misses as much in a deep search as in others."""
        return max(self.refined // limit, self.refined // Effort().refined, 1)


USUAL = Effort()
"""How much a search looks at where nothing else is known of an index."""


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


class View:
    """A model's table at one version, for searching: what is written meanwhile is not seen.

    Args:
        lake: that has the table.
        table: full name.

    Attributes:
        version: of the table.
        rows: that it has.
        analysis: of its text index, or None where it has none.
        has_vector_index: whether it has one.
    """

    def __init__(self, lake: Lake, table: str) -> None:
        self._lake = lake
        self.table = table
        self._dataset = explained(table, "read", lambda: lake.store.dataset(table, cached=True))
        self.version: int = self._dataset.version
        self.rows: int = explained(table, "read", self._dataset.count_rows)
        indexes = text_indexes(self._dataset)
        self._texts = {column: boost for column, boost in COLUMNS.items() if column in indexes}
        self.analysis: Analysis | None = analysis_in(indexes["text"]) if "text" in indexes else None
        self.has_vector_index = vector_index(self._dataset) is not None

    @cached_property
    def columns(self) -> list[str]:
        """Its columns, at its version."""
        names: list[str] = self._dataset.schema.names
        return names

    @property
    def has_text_index(self) -> bool:
        """Whether it can be searched by words."""
        return self.analysis is not None

    def is_latest(self) -> bool:
        """Whether nothing was written since."""
        return bool(explained(self.table, "read", lambda: self._dataset.latest_version) == self.version)

    @cached_property
    def some_vectors(self) -> Vectors:
        """Some of its vectors, float32 of shape (n_vectors, dimension), spread evenly over the rows."""
        return matrix(self.sample(_SOME, ["vector"]))

    @cached_property
    def some_of_each(self) -> dict[str, Vectors]:
        """The same of each modality that it has rows of."""
        names = np.array(self.snapshot.read(["modality"])["modality"].fill_null("text").to_pylist(), str)
        found = {}
        for name in np.unique(names).tolist():
            places = np.flatnonzero(names == name)
            evenly = np.unique(np.linspace(0, len(places) - 1, min(_SOME, len(places))).astype(int))
            found[name] = matrix(self.snapshot.take(places[evenly], ["vector"]))
        return found

    def sample(self, count: int, columns: list[str]) -> pa.Table:
        """Some columns of so many rows, or of all, spread evenly."""
        return self.snapshot.sample(count, columns)

    @property
    def snapshot(self) -> Snapshot:
        """Its rows, to be read by themselves."""
        return Snapshot(self.table, self._dataset)

    def words(self, text: str) -> set[str]:
        """The distinct words of a query, as the text index has words; none where there is none."""
        return set(words_of(text, self.analysis)) if self.analysis else set()

    def nearest(
        self, vector: Sequence[float], limit: int, where: str | None = None, effort: Effort = USUAL
    ) -> list[Found]:
        """The nearest rows by cosine distance, nearest first.

        Raises:
            ConfigurationError: the filter fails on the rows.
            LakeError: the table cannot be read.
        """
        query: dict[str, Any] = {
            "column": "vector", "q": np.asarray(vector, np.float32), "k": limit, "metric": "cosine",
            "minimum_nprobes": effort.probes, "refine_factor": effort.overshoot(limit),
        }  # fmt: skip
        if where is None and limit <= _FEW:
            query["maximum_nprobes"] = effort.probes  # else all are read, however many rows the first ones give
        return self._found("_distance", where, {"nearest": query})

    def matching(
        self, text: str, limit: int, where: str | None = None, beside: Sequence[tuple[str, float]] = ()
    ) -> list[Found]:
        """The rows that have words of a text, best first by BM25.

        Args:
            text: whose words count 1 each.
            limit: most rows.
            where: a filter.
            beside: other words to look for, and how much each counts.

        Raises:
            ConfigurationError: the filter fails on the rows.
            LakeError: the table cannot be read.
        """
        parts = [part for one, weight in ((text, 1.0), *beside) for part in self._full_text(one, weight)]
        query = parts[0] if len(parts) == 1 else BooleanQuery([(Occur.SHOULD, part) for part in parts])
        return self._found("_score", where, {"full_text_query": query, "limit": limit})

    def _full_text(self, text: str, weight: float) -> list[FullTextQuery]:
        """A sum over columns reads every row that has one of the words; the best of them, few rows."""
        boosts = {column: boost * weight for column, boost in self._texts.items()}
        if self.rows > _SUMMED_ROWS:
            return [MultiMatchQuery(text, list(boosts), boosts=list(boosts.values()))]
        return [MatchQuery(text, column, boost=boost) for column, boost in boosts.items()]

    def vectors_of(self, chunk_ids: Sequence[str]) -> Vectors:
        """The vectors of some chunks, float32 of shape (n_chunks, dimension)."""
        rows = self.matched(f"chunk_id IN ({', '.join(map(quoted, chunk_ids))})", ["chunk_id", "vector"])
        found = {row["chunk_id"]: row["vector"] for row in rows}
        return np.array([found[chunk_id] for chunk_id in chunk_ids], np.float32)

    def rows_of(self, row_ids: Sequence[int], columns: Sequence[str] | None = None) -> list[Row]:
        """Some columns of rows, by default all that a search shows, in the order of their ids."""
        if not row_ids:
            return []
        wanted = [name for name in self.columns if name not in _UNSHOWN] if columns is None else list(columns)
        found: list[Row] = explained(
            self.table, "read", lambda: self._dataset._take_rows(list(row_ids), wanted)
        ).to_pylist()
        return found

    def matched(self, where: str, columns: Sequence[str]) -> list[Row]:
        """Some columns of all rows that a filter lets through, which is not a user's."""
        found: list[Row] = self.snapshot.read(columns, where).to_pylist()
        return found

    def _found(self, score: str, where: str | None, query: dict[str, Any]) -> list[Found]:
        condition = where if where is None else in_backticks(where)

        def search() -> pa.Table:
            return self._dataset.scanner(
                columns=["text_hash", score],
                with_row_id=True,
                filter=condition,
                prefilter=condition is not None,
                disable_scoring_autoprojection=True,
                **query,
            ).to_table()

        try:
            found = explained(self.table, "searched", search)
        except Exception:  # Lance raises what its object store raises, and its planner
            failure = _failure(self._lake, self.table, where, run=True) if where is not None else None
            if where is not None and failure and _failure(self._lake, self.table, None, run=True) is None:
                raise _wrong_filter(self._lake, self.table, where, failure) from None
            raise
        columns = (found[name].to_pylist() for name in ("_rowid", "text_hash", score))
        return [Found(*row) for row in zip(*columns, strict=True)]


def matrix(rows: pa.Table) -> Vectors:
    """The vectors of rows, float32 of shape (n_rows, dimension)."""
    column = rows["vector"].combine_chunks()
    return np.asarray(column.flatten(), np.float32).reshape(len(column), -1)


def nearest(lake: Lake, table: str, vector: Sequence[float], limit: int, where: str | None) -> list[Row]:
    """The nearest rows of a table as it is now, with their cosine distances as `_distance`; see `View.nearest`."""
    view = View(lake, table)
    found = view.nearest(vector, limit, where)
    rows = view.rows_of([one.row_id for one in found])
    return [row | {"_distance": one.score} for one, row in zip(found, rows, strict=True)]


def _failure(lake: Lake, table: str, where: str | None, run: bool) -> Exception | None:
    """What goes wrong where nothing is asked but a filter, or not even that: in planning, or also in reading."""
    if where is not None and not where.strip():
        return ValueError("it is empty")
    try:
        scanner = lake.dataset(table).scanner(_columns(lake, table), filter=where and in_backticks(where))
        if run:
            for _ in scanner.to_batches():
                pass
        else:
            scanner.explain_plan()
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
    return [name for name in lake.columns(table) if name != "vector"]
