"""The application for the browser: embedding-atlas's page and DuckDB, with the rows of a map in one Parquet file.

The page, which its package brings, reads `data/metadata.json` and `data/dataset.parquet` beside it, and works without a
network from any static web server. A content security policy has the browser refuse all other addresses, whatever
stands in a text.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import ConfigurationError
from tasks.explore.mapping import Points, labels_of
from tasks.explore.pictures import SIDE, Pictures
from tasks.progress import Progress, publish

_TEXT = 400_000_000  # characters of text in an application; a browser's DuckDB has 4 GB
_SHORTEST = 200  # characters that each text keeps
_PASSAGE = ("title", "text", "heading_path", "uri", "document_id", "source", "token_count")
_PLACES = ("x", "y")
_HIDDEN = "__"  # begins the names of columns that the page makes no chart of
_ROW = f"{_HIDDEN}row"
_PICTURE = "picture"
_AS_PICTURE = {"display": "full", "renderer": "image", "options": {"size": SIDE}}
_HALF = Path(__file__).with_name("half_precision.js")
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval' blob:; worker-src 'self' blob:;"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
    " connect-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'"
)


def page_folder() -> Path:
    """Where the page is.

    Raises:
        ConfigurationError: its package is not installed.
    """
    spec = find_spec("embedding_atlas")
    folder = Path(spec.origin).parent / "static" if spec and spec.origin else None
    if folder is None or not (folder / "index.html").is_file():
        raise ConfigurationError(
            "the map needs the package embedding-atlas, which is not installed",
            "Install it alone, 24 MB, as its page is all that is used of it: pip install --no-deps embedding-atlas;"
            " or with all that it may need, and UMAP: pip install 'embedlake[explore]'",
        )
    return folder


def colours(metadata: list[str], others: list[str]) -> list[str]:
    """The columns that points can be coloured by.

    Args:
        metadata: fields that the corpus declares.
        others: columns of other models' clusters.
    """
    return ["cluster", "topic", *others, "source", "title", "document_id", "uri", "token_count", *metadata]


def write_application(
    points: Points, found: pa.Table, others: dict[str, pa.Array], pictures: Pictures, metadata: list[str], color: str,
    folder: Path,
) -> int:  # fmt: skip
    """Write a map with its texts as an application, over one that is there.

    Args:
        points: the rows of the table.
        found: their map.
        others: columns beside it, a value for each row.
        pictures: of the rows that are of images.
        metadata: names of the table's columns that a corpus declares.
        color: the column that points are coloured by at first.
        folder: where to.

    Returns:
        How many characters the texts are cut to; 0 where none is cut.

    Raises:
        ConfigurationError: the page is not installed, or the folder holds something else.
    """
    page = page_folder()
    if folder.exists() and not (folder.is_dir() and (_is_application(folder) or not any(folder.iterdir()))):
        raise ConfigurationError(f"{folder} holds something else than a map", "Name a new folder, or an empty one.")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(page, folder)
    data = folder / "data"
    data.mkdir()
    computed = _computed(found, others, pictures)
    cut = _write_rows(points, computed, metadata, data / "dataset.parquet")
    (data / "metadata.json").write_text(json.dumps(_metadata(found, computed, color)), encoding="utf-8")
    shutil.copy(_HALF, folder)
    _amend(folder / "index.html")
    return cut


def _is_application(folder: Path) -> bool:
    return (folder / "index.html").is_file() and (folder / "data" / "metadata.json").is_file()


def _computed(found: pa.Table, others: dict[str, pa.Array], pictures: Pictures) -> pa.Table:
    """What is known of each row but its passage, by the names that the page sees."""
    names = [f"{_HIDDEN}{name}" if name in (*_PLACES, "neighbours") else name for name in found.column_names]
    table = found.rename_columns(names)
    for name, values in others.items():
        table = table.append_column(name, values)
    if pictures.shown:
        table = table.append_column(_PICTURE, pictures.values)
    return table.append_column(_ROW, pa.array(range(len(found)), pa.int32()))


def _write_rows(points: Points, computed: pa.Table, metadata: list[str], file: Path) -> int:
    """Write passages with what was computed; see `write_application`."""
    longest = max(_TEXT // len(points), _SHORTEST)
    cut, start, writer = 0, 0, None
    try:
        for rows in points.read([*_PASSAGE, *metadata]):
            shown = _shown(rows, longest)
            cut = cut if shown["text"].equals(rows["text"]) else longest
            for name in computed.column_names:
                place = (
                    0 if name == _PICTURE else shown.num_columns
                )  # where the page's table shows it without scrolling
                shown = shown.add_column(place, name, computed[name].slice(start, len(rows)))
            start += len(rows)
            writer = writer or pq.ParquetWriter(file, shown.schema, compression="zstd")
            writer.write_table(shown)
            publish(Progress("write", start, len(points), "points"))
    finally:
        if writer:
            writer.close()
    return cut


def _shown(rows: pa.Table, longest: int) -> pa.Table:
    """Passages with types that the page shows."""
    columns: dict[str, Any] = {}
    for name in rows.column_names:
        values, kind = rows[name], rows[name].type
        if name == "text":
            values = pc.utf8_slice_codeunits(values, 0, longest)
        elif name == "heading_path" and pa.types.is_list(kind):
            values = pc.binary_join(pc.fill_null(values, []), " > ")
        elif pa.types.is_boolean(kind):
            values = values.cast(pa.string())
        elif pa.types.is_timestamp(kind):
            values = values.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))  # DuckDB's zones are no part of it
        elif pa.types.is_int64(kind):
            values = values.cast(pa.float64())  # JavaScript's numbers
        columns[name] = values
    return pa.table(columns)


def _metadata(found: pa.Table, computed: pa.Table, color: str) -> dict[str, Any]:
    """What the page is told of the rows."""
    x, y = (f"{_HIDDEN}{axis}" for axis in _PLACES)
    neighbours = f"{_HIDDEN}neighbours" if "neighbours" in found.column_names else None
    picture = _PICTURE if _PICTURE in computed.column_names else None
    view = {"x": x, "y": y, "text": "text", "category": color, "neighbors": neighbours, "image": picture}
    props: dict[str, Any] = {"initialState": {"columnStyles": {picture: _AS_PICTURE}}} if picture else {}
    return {
        "isStatic": True,
        "database": {"type": "wasm", "load": True},
        "props": props
        | {
            "data": {"id": _ROW, "projection": {"x": x, "y": y}, "text": "text", "neighbors": neighbours},
            "embeddingViewLabels": labels_of(found),
            "defaultChartsConfig": {
                "embedding": {"title": "Map", "data": view},
                "exclude": ["heading_path", "uri", "document_id", "title", _PICTURE],
            },
        },
    }


def _amend(page: Path) -> None:
    """Give a page a content security policy, and what lets it paint where there are no 16-bit floats."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
    script = f'<script src="./{_HALF.name}"></script>'
    begun = f"<head>\n    {policy}\n    {script}"
    page.write_text(page.read_text("utf-8").replace("<head>", begun, 1), encoding="utf-8")
