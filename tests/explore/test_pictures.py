"""A map of images: a picture for each, made once, and what the page is told of them."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tasks.config.loading import load_corpus
from tasks.explore import pictures
from tasks.explore.exploring import draw
from tasks.explore.mapping import Points
from tasks.explore.pictures import SIDE, pictures_of
from tasks.lake.tables import Lake
from tasks.search.query import OpenLake
from tests.encoders import COLOURS, ColourEncoder, Colours
from tests.machine.engine import run_ingest
from tests.media_corpora import corpora


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """Of two texts and three images, one of them wide."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with corpora(tmp_path, "colours", Colours(), ColourEncoder) as write:
        docs = tmp_path / "docs"
        for name, colour, size in (("red", "red", (40, 40)), ("green", "green", (640, 320)), ("blue", "blue", (8, 8))):
            Image.new("RGB", size, COLOURS[colour]).save(docs / f"{name}.png")
        (docs / "a.txt").write_text("Something red.")
        (docs / "b.txt").write_text("Something green.")
        file = write(extraction={"images": "files"}, models=[{"model": "colours:small", "name": "both"}])
        run_ingest(str(file))
        yield Lake(load_corpus(file))


def points_of(lake: Lake) -> Points:
    return Points(lake, OpenLake(lake).entry(None)["table"], 100)


def shown(values: pa.Array) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(one)).size for one in values.to_pylist() if one]


def test_each_image_has_a_small_picture_beside_its_row(lake: Lake) -> None:
    points = points_of(lake)
    found = pictures_of(lake, points)
    assert (found.images, found.shown, found.lost) == (3, 3, 0)
    assert sorted(shown(found.values)) == [(8, 8), (40, 40), (SIDE, SIDE // 2)]
    uris = pa.concat_tables(points.read(["uri"]))["uri"].to_pylist()
    pixels = {
        uri.rpartition("/")[2]: np.asarray(Image.open(io.BytesIO(one)))[0, 0]
        for uri, one in zip(uris, found.values.to_pylist(), strict=True)
        if one
    }
    for name, colour in (("red.png", "red"), ("green.png", "green"), ("blue.png", "blue")):
        assert np.abs(pixels[name].astype(int) - COLOURS[colour]).max() < 8


def test_pictures_are_made_once_and_what_is_gone_is_counted(lake: Lake, tmp_path: Path) -> None:
    first = pictures_of(lake, points_of(lake))
    (tmp_path / "docs" / "red.png").unlink()
    assert pictures_of(lake, points_of(lake)).values.equals(first.values)
    shutil.rmtree(tmp_path / "cache")
    again = pictures_of(lake, points_of(lake))
    assert (again.images, again.shown, again.lost) == (3, 2, 1)


def test_of_many_images_some_have_pictures(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST", 2)
    found = pictures_of(lake, points_of(lake))
    assert (found.images, found.shown, found.lost) == (3, 2, 0)


def test_an_exported_map_has_the_pictures_in_it(lake: Lake, tmp_path: Path) -> None:
    pytest.importorskip("embedding_atlas", reason="the extra explore is not installed")
    target = tmp_path / "map"
    drawn = draw(lake, target, method="pca", color="modality")
    assert (drawn.images, drawn.pictures, drawn.lost) == (3, 3, 0)
    rows = pq.read_table(target / "data" / "dataset.parquet")
    assert len(shown(rows["picture"].combine_chunks())) == 3
    assert sorted(rows["modality"].to_pylist()) == ["image"] * 3 + ["text"] * 2
    props = json.loads((target / "data" / "metadata.json").read_text())["props"]
    assert props["defaultChartsConfig"]["embedding"]["data"]["image"] == "picture"
    assert props["initialState"]["columnStyles"]["picture"]["renderer"] == "image"
    page = (target / "index.html").read_text()
    assert page.index("half_precision.js") < page.index('type="module"')  # what it changes is not used before
    assert (target / "half_precision.js").is_file()
