"""The map of a model's table: a place and a group for each row, computed once for each version of the table and kept in
the user's cache."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.caching import cache_folder
from tasks.errors import ConfigurationError
from tasks.explore.groups import Groups
from tasks.explore.layout import LANDMARKS, Method, placing
from tasks.explore.neighbours import MOST, neighbours_of
from tasks.hashing import hash_fields
from tasks.lake.snapshot import Snapshot
from tasks.lake.tables import Lake
from tasks.models.interface import Vectors, unit
from tasks.progress import Progress, publish

_MADE = 2  # of how maps are made: raised where the same table gets another one
_LEARNED = 20_000  # rows, spread evenly, that groups and their names are learned from
CLUSTERS = 10  # most; a browser tells so many colours apart
TOPICS = 60  # most, finer groups
_ROWS = 8192  # read at a time
_AT_LEAST = 8  # rows that a group has on average


class Points:
    """Rows of a model's table at one version, all of them or so many spread evenly.

    Args:
        lake: that has the table.
        table: full name.
        most: rows.

    Attributes:
        table: full name.
        version: of the table.
        total: rows that the table has.
        chosen: positions of the rows, int64, ascending.

    Raises:
        ConfigurationError: the table has no rows.
    """

    def __init__(self, lake: Lake, table: str, most: int) -> None:
        dataset = lake.dataset(table)
        self._snapshot = Snapshot(table, dataset)
        self.table, self.version, self.total = table, int(dataset.version), len(self._snapshot)
        if not self.total:
            raise ConfigurationError(f"{table} has no rows yet", "Fill it with: embedlake run CORPUS.yaml")
        self.chosen = spread(self.total, most)

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, columns: list[str]) -> Iterator[pa.Table]:
        """Some columns of the rows, some thousand at a time."""
        if len(self) == self.total:
            yield from self._snapshot.scan(columns, rows=_ROWS)
        else:
            for start in range(0, len(self), _ROWS):
                yield self._snapshot.take(self.chosen[start : start + _ROWS], columns)

    def at(self, places: np.ndarray, columns: list[str]) -> pa.Table:
        """Some columns of the rows at some places among them, ascending."""
        return self._snapshot.take(self.chosen[places], columns)

    def some(self, count: int, columns: list[str]) -> pa.Table:
        """Some columns of so many of the rows, spread evenly."""
        return self.at(spread(len(self), count), columns)


def spread(total: int, count: int) -> np.ndarray:
    """So many of the numbers below a total, or all, spread evenly."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))


def map_of(lake: Lake, points: Points, method: Method) -> pa.Table:
    """The map of some rows, from the cache where it is there: a row for each, in their order, with its place `x` and
    `y`, its `cluster` and `topic`, groups by name, and, of not too many rows, its `neighbours` among them.

    Args:
        lake: that has them.
        points: the rows.
        method: how they are laid out.

    Raises:
        ConfigurationError: the method is not installed.
    """
    folder = kept_in(lake, points.table)
    file = folder / f"{points.version}.{len(points)}.{method}.{_MADE}.parquet"
    if not file.exists():
        keep(_computed(points, method), file)
        for other in folder.glob("[0-9]*.parquet"):
            if other.name.split(".")[0] != str(points.version):
                other.unlink(missing_ok=True)
    return pq.read_table(file)


def kept_in(lake: Lake, table: str) -> Path:
    """The folder of the user's cache for what is made of a table to draw it."""
    return cache_folder() / "maps" / hash_fields(lake.uri, table)


def labels_of(found: pa.Table) -> list[dict[str, Any]]:
    """The names of a map's groups, each in the middle of its group: those of clusters seen from afar, those of topics
    from nearer."""
    labels: list[dict[str, Any]] = []
    for column, level in (("cluster", 0), ("topic", 2)):
        groups = found[column].combine_chunks()
        for code, name in enumerate(groups.dictionary.to_pylist()):
            here = np.flatnonzero(groups.indices.to_numpy() == code)
            if len(here):
                middle = [float(np.median(found[axis].to_numpy()[here])) for axis in ("x", "y")]
                labels.append({"x": middle[0], "y": middle[1], "content": name, "level": level, "priority": len(here)})
    return labels


def _computed(points: Points, method: Method) -> pa.Table:
    learned = points.some(_LEARNED, ["vector", "text", "document_id"])
    said, where = learned["text"].to_pylist(), learned["document_id"].to_pylist()
    vectors = _vectors(learned)
    texts = [text or document for text, document in zip(said, where, strict=True)]  # images are named by their paths
    of_all = len(points) // _AT_LEAST
    clusters = Groups(vectors, max(min(CLUSTERS, of_all), 1), texts)
    topics = Groups(vectors, max(min(TOPICS, of_all // 2), 1), texts)
    landmarks = _vectors(points.some(LANDMARKS[method], ["vector"]))
    publish(Progress("layout", 0, None, "landmarks"))
    place = placing(landmarks, method)
    publish(Progress("layout", len(landmarks), len(landmarks), "landmarks"))
    kept, places, found = [], [], []
    done = 0
    for rows in points.read(["vector"]):
        some = _vectors(rows)
        places.append(place(some))
        found.append((clusters.of(some), topics.of(some)))
        if len(points) <= MOST:
            kept.append(some)
        done += len(some)
        publish(Progress("place", done, len(points), "points"))
    placed = np.concatenate(places)
    columns: dict[str, pa.Array] = {
        "x": pa.array(placed[:, 0]), "y": pa.array(placed[:, 1]),
        "cluster": _named(clusters, [one for one, _ in found]), "topic": _named(topics, [one for _, one in found]),
    }  # fmt: skip
    if kept:
        columns["neighbours"] = _neighbours(np.concatenate(kept))
    return pa.table(columns)


def _named(groups: Groups, codes: list[np.ndarray]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.concatenate(codes)), pa.array(groups.names, pa.string()))


def _neighbours(vectors: Vectors) -> pa.Array:
    """The nearest of each, as embedding-atlas reads them."""
    nearest, distances = neighbours_of(
        vectors, lambda done: publish(Progress("near", done, len(vectors), "neighbourhoods"))
    )
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * nearest.shape[1]
    lists = [pa.ListArray.from_arrays(offsets, pa.array(values.ravel())) for values in (nearest, distances)]
    return pa.StructArray.from_arrays(lists, ["ids", "distances"])


def _vectors(rows: pa.Table) -> Vectors:
    """Vectors of length 1, float32 of shape (n_rows, dimension)."""
    column = rows["vector"].combine_chunks()
    return np.asarray(unit(column.flatten().to_numpy().reshape(len(column), -1)), np.float32)


def keep(found: pa.Table, file: Path) -> None:
    """Write a table at once, whoever reads or writes it too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    pq.write_table(found, part, compression="zstd")
    os.replace(part, file)
