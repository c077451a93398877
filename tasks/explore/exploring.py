"""From a corpus to the folder of its application."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import ConfigurationError
from tasks.explore.atlas import colours, page_folder, write_application
from tasks.explore.layout import Method
from tasks.explore.mapping import Points, map_of
from tasks.explore.pictures import pictures_of
from tasks.lake.catalog import taken_by
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT
from tasks.search.query import OpenLake

MOST = 1_000_000
"""Points that a map has by default."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A map that was written.

    Attributes:
        table: full name of the model's table.
        points: on the map; total: rows of the table.
        neighbours: whether the map has them.
        cut: characters that texts were cut to; 0 where none was.
        images: points that are of one; pictures: those of them that are shown; lost: those that are not to be had.
    """

    table: str
    points: int
    total: int
    neighbours: bool
    cut: int
    images: int
    pictures: int
    lost: int


def draw(
    lake: Lake, folder: Path, models: Sequence[str] = (), method: Method = "auto", color: str = "cluster",
    sample: int | None = None,
) -> Drawn:  # fmt: skip
    """Write the map of a model's table as an application.

    Args:
        lake: of the corpus.
        folder: where to.
        models: whose table; the live one by default. Each further model gives a column with the clusters of its own
            table, to colour the map of the first by.
        method: how points are laid out.
        color: column to colour points by.
        sample: most points, spread evenly over the table; a million by default.

    Raises:
        ConfigurationError: no model is live or has such a name, the table has no rows, there is no such column, or a
            package is not installed.
        LakeError: a table cannot be read.
    """
    page_folder()
    opened = OpenLake(lake)
    first, *others = [opened.entry(model) for model in (models or (None,))]
    metadata = [name for name in lake.corpus.metadata if name in lake.columns(first["table"])]
    if taken_by(first) != TEXT:
        metadata.append("modality")
    named = {f"cluster_{entry['model']}": entry["table"] for entry in others if entry["table"] != first["table"]}
    there = colours(metadata, list(named))
    if color not in there:
        raise ConfigurationError(f"the map has no column {color!r} to colour by", f"It has {', '.join(there)}.")
    points = Points(lake, first["table"], sample or MOST)
    found = map_of(lake, points, method)
    clusters = {name: _clusters(lake, table, points) for name, table in named.items()}
    pictures = pictures_of(lake, points)
    cut = write_application(points, found, clusters, pictures, metadata, color, folder)
    return Drawn(
        points.table, len(points), points.total, "neighbours" in found.column_names, cut, pictures.images,
        pictures.shown, pictures.lost,
    )  # fmt: skip


def _clusters(lake: Lake, table: str, points: Points) -> pa.Array:
    """The clusters that another table has for the chunks of some rows; null for those that it lacks."""
    others = Points(lake, table, MOST)
    ids, theirs = (_ids(some) for some in (points, others))
    found = map_of(lake, others, "pca")["cluster"].combine_chunks()
    return found.take(pc.index_in(ids, value_set=theirs))


def _ids(points: Points) -> pa.Array:
    return pa.concat_tables(points.read(["chunk_id"]))["chunk_id"].combine_chunks()
