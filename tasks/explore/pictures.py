"""Small pictures of the images on a map, made once for each chunk and kept in the user's cache."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.content.fetcher import Fetcher
from tasks.content.finding import COLUMNS
from tasks.explore.mapping import Points, keep, kept_in, spread
from tasks.lake.tables import Lake
from tasks.models.takes import Takes
from tasks.progress import Progress, publish
from tasks.search.thumbnail import as_jpeg

MOST = 20_000
"""Pictures that a map has, 100 MB, as a browser holds them; those of more images are spread evenly."""
SIDE = 160
"""Of the square that each fits into, in pixels."""
_AT_ONCE = 1000  # rows whose files are looked for together


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of the points of a map.

    Attributes:
        values: JPEG files, binary, one for each point; null where it is of no image or there is none of it.
        images: points that are of one.
        lost: whose image is not to be had as it was read.
    """

    values: pa.Array
    images: int
    lost: int

    @property
    def shown(self) -> int:
        """Points that have a picture."""
        return len(self.values) - int(self.values.null_count)


def pictures_of(lake: Lake, points: Points) -> Pictures:
    """Pictures of the images among some points.

    Args:
        lake: that has them.
        points: of a model's table.
    """
    total = len(points)
    if "modality" not in lake.columns(points.table):
        return Pictures(pa.nulls(total, pa.binary()), 0, 0)
    modalities = pa.concat_tables(points.read(["modality"]))["modality"].to_numpy(zero_copy_only=False)
    images = np.flatnonzero(modalities == "image")
    if not len(images):
        return Pictures(pa.nulls(total, pa.binary()), 0, 0)
    chosen = images[spread(len(images), MOST)]
    file = kept_in(lake, points.table) / f"pictures.{SIDE}.parquet"
    rows = points.at(chosen, ["chunk_id", *COLUMNS])
    ids = rows["chunk_id"].to_pylist()
    known = _kept(file, set(ids))
    made = _made(lake, rows.filter(pa.array([one not in known for one in ids])))
    pictures = known | made
    if made:
        keep(pa.table({"chunk_id": list(pictures), "picture": list(pictures.values())}), file)
    values: list[bytes | None] = [None] * total
    for at, one in zip(chosen, ids, strict=True):
        values[at] = pictures.get(one)
    return Pictures(pa.array(values, pa.binary()), len(images), sum(one not in pictures for one in ids))


def _kept(file: Path, wanted: set[str]) -> dict[str, bytes]:
    """Pictures of chunks that were made before: what a chunk's id stands for never changes."""
    if not file.exists():
        return {}
    rows = pq.read_table(file).to_pydict()
    return {one: picture for one, picture in zip(rows["chunk_id"], rows["picture"], strict=True) if one in wanted}


def _made(lake: Lake, rows: pa.Table) -> dict[str, bytes]:
    """Pictures of chunks by their ids; without those that are not to be had."""
    made: dict[str, bytes] = {}
    ids = rows["chunk_id"].to_pylist()
    with closing(Fetcher(lake.corpus, Takes(side=SIDE))) as fetcher:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows.slice(start, _AT_ONCE)
            for key, content in fetcher.fetch(some.select(COLUMNS).to_pylist()):
                if isinstance(content, np.ndarray):
                    made[ids[start + key]] = as_jpeg(content, SIDE)
            publish(Progress("picture", start + len(some), len(rows), "images"))
    return made
