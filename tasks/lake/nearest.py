"""The rows of a model's table that are nearest to a vector or match words, and filters over its columns."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from lance.query import BooleanQuery, FullTextQuery, MatchQuery, MultiMatchQuery, Occur

from tasks.errors import ConfigurationError
from tasks.lake.analysis import Analysis, words_of
from tasks.lake.fulltext import COLUMNS, analysis_in, text_indexes
from tasks.lake.literals import quoted, with_names
from tasks.lake.snapshot import Snapshot, explained, plain
from tasks.lake.tables import Lake
from tasks.models.interface import Vectors

_PROBES = 50  # partitions of the index that a search reads at least; more where a filter leaves too few rows
_REFINED = 300  # of the nearest by the index, so many are compared by their true vectors,
_SUMMED_ROWS = 50_000  # up to so many, words in title and headings add to those in the text; else the best one counts
_SOME = 500  # vectors that are looked at to know the others
_REFINE = 3, 10  # or so many times the limit at least, and at most

Row = dict[str, Any]


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

    @property
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
        vectors = self.sample(_SOME, ["vector"])["vector"].combine_chunks()
        found: Vectors = vectors.flatten().to_numpy().reshape(len(vectors), -1)
        return found

    def sample(self, count: int, columns: list[str]) -> pa.Table:
        """Some columns of so many rows, or of all, spread evenly."""
        return Snapshot(self.table, self._dataset).sample(count, columns)

    def words(self, text: str) -> set[str]:
        """The distinct words of a query, as the text index has words; none where there is none."""
        return set(words_of(text, self.analysis)) if self.analysis else set()

    def nearest(self, vector: Sequence[float], limit: int, where: str | None = None) -> list[Row]:
        """The nearest rows by cosine distance, which is in `_distance`.

        Raises:
            ConfigurationError: the filter fails on the rows.
            LakeError: the table cannot be read.
        """
        least, most = _REFINE
        nearest = {
            "column": "vector", "q": np.array(vector, np.float32), "k": limit, "metric": "cosine",
            "minimum_nprobes": _PROBES, "refine_factor": max(least, min(most, _REFINED // limit)),
        }  # fmt: skip
        return self._found({"nearest": nearest}, "_distance", limit, where)

    def matching(self, text: str, limit: int, where: str | None = None) -> list[Row]:
        """The rows that have words of a text, best first by BM25, which is in `_score`.

        Raises:
            ConfigurationError: the filter fails on the rows.
            LakeError: the table cannot be read.
        """
        return self._found({"full_text_query": self._full_text(text)}, "_score", limit, where)

    def _full_text(self, text: str) -> FullTextQuery:
        """A sum over columns reads every row that has one of the words; the best of them, few rows."""
        if self.rows > _SUMMED_ROWS:
            return MultiMatchQuery(text, list(self._texts), boosts=list(self._texts.values()))
        return BooleanQuery(
            [(Occur.SHOULD, MatchQuery(text, column, boost=boost)) for column, boost in self._texts.items()]
        )

    def vectors_of(self, chunk_ids: Sequence[str]) -> Vectors:
        """The vectors of some chunks, float32 of shape (n_chunks, dimension)."""
        rows = self.matched(f"chunk_id IN ({', '.join(map(quoted, chunk_ids))})", ["chunk_id", "vector"])
        found = {row["chunk_id"]: row["vector"] for row in rows}
        return np.array([found[chunk_id] for chunk_id in chunk_ids], np.float32)

    def matched(self, where: str, columns: Sequence[str]) -> list[Row]:
        """Some columns of all rows that a filter lets through, which is not a user's."""
        found: list[Row] = Snapshot(self.table, self._dataset).read(columns, where).to_pylist()
        return found

    def _found(self, asked: dict[str, Any], score: str, limit: int, where: str | None) -> list[Row]:
        columns = [*(name for name in self.columns if name != "vector"), score]

        def search() -> list[Row]:
            rows: list[Row] = self._dataset.to_table(
                columns,
                filter=where and with_names(where),
                prefilter=True,
                limit=limit,
                disable_scoring_autoprojection=True,
                **asked,
            ).to_pylist()
            return rows

        try:
            found = explained(self.table, "searched", search)
        except Exception:  # Lance raises what its object store raises, and its planner
            failure = _failure(self._lake, self.table, where, run=True) if where is not None else None
            if where is not None and failure and _failure(self._lake, self.table, None, run=True) is None:
                raise _wrong_filter(self._lake, self.table, where, failure) from None
            raise
        return found


def nearest(lake: Lake, table: str, vector: Sequence[float], limit: int, where: str | None) -> list[Row]:
    """The nearest rows of a table as it is now, see `View.nearest`."""
    return View(lake, table).nearest(vector, limit, where)


def _failure(lake: Lake, table: str, where: str | None, run: bool) -> Exception | None:
    """What goes wrong where nothing is asked but a filter, or not even that: in planning, or also in reading."""
    if where is not None and not where.strip():
        return ValueError("it is empty")
    try:
        scanner = lake.dataset(table).scanner(_columns(lake, table), filter=where and with_names(where))
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
