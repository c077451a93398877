"""Contents of chunks as they come: in parts that are bounded, and what is wrong with each."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.config.settings import Corpus
from tasks.content import fetcher
from tasks.content.fetcher import Fetcher
from tasks.content.finding import COLUMNS
from tasks.content.reference import Place, Reference
from tasks.errors import LostContent, UnfinishedDocument
from tasks.hashing import hash_bytes
from tasks.models.scale import Scale
from tasks.models.takes import Takes
from tests.machine.engine import _ProcessesHere


def corpus_of(folder: Path) -> Corpus:
    source = {"name": "docs", "uri": str(folder)}
    settings = {"name": "notes", "sources": [source], "models": ["m/m"], "extraction": {"images": "files"}}
    return Corpus.model_validate(settings)


def row(file: Path, content: bytes | None = None, region: Any = None, side: int = 64) -> dict[str, Any]:
    reference = str(Reference(Place(str(file)), 1, region))
    values = (f"docs:{file.name}", "docs", str(file), "image", 0, side * side, reference)
    return dict(zip(COLUMNS, (*values, hash_bytes(content or file.read_bytes())), strict=True))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "Processes", _ProcessesHere)


def picture(file: Path, side: int = 64) -> Path:
    pixels = np.arange(side * side * 3, dtype=np.uint32).reshape(side, side, 3) % 251
    Image.fromarray(pixels.astype(np.uint8)).save(file)
    return file


def test_regions_of_one_file_come_each(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png")
    whole = np.asarray(Image.open(io.BytesIO(file.read_bytes())))
    rows = [row(file), row(file, region=(0, 0, 32, 64)), row(file, region=(32, 0, 64, 64))]
    found = dict(Fetcher(corpus_of(tmp_path)).fetch(rows))
    assert np.array_equal(found[0], whole)
    assert np.array_equal(np.concatenate([found[1], found[2]], axis=1), whole)


def test_an_image_comes_as_the_model_would_scale_it(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png", 200)
    takes = Takes(frozenset({"image"}), side=32, scale=Scale(None, 32, 32, 3))
    [(_, found)] = Fetcher(corpus_of(tmp_path), takes).fetch([row(file, side=200)])
    assert isinstance(found, np.ndarray)
    assert found.shape == (32, 32, 3)


def test_what_is_wrong_is_told_for_each(tmp_path: Path) -> None:
    good = picture(tmp_path / "a.png")
    gone, other = tmp_path / "gone.png", picture(tmp_path / "b.png", 32)
    rows = [row(good), row(gone, b"what was there"), row(other, b"what was there"), row(good) | {"uri": None}]
    rows.append(row(picture(tmp_path / "c.png")) | {"source": "away"})
    found = dict(Fetcher(corpus_of(tmp_path)).fetch(rows))
    assert isinstance(found.pop(0), np.ndarray)
    assert all(isinstance(error, LostContent) for error in found.values())
    told = {key: str(error) for key, error in found.items()}
    assert "FileNotFoundError" in told[1]
    assert told[2] == "its content is not what was read"
    assert "does not say where" in told[3]
    assert "no longer in the corpus file" in told[4]


def test_what_ends_its_process_is_found_by_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [picture(tmp_path / f"{number}.png") for number in range(5)]
    true_fetch = fetcher.fetch

    def fetch(origins: Any, *others: Any) -> Any:
        if any("3.png" in origin.file.path for origin in origins):
            raise RuntimeError("the process ended")
        return true_fetch(origins, *others)

    monkeypatch.setattr(fetcher, "fetch", fetch)
    found = dict(Fetcher(corpus_of(tmp_path)).fetch([row(file) for file in files]))
    assert isinstance(found.pop(3), UnfinishedDocument)
    assert len(found) == 4
    assert all(isinstance(pixels, np.ndarray) for pixels in found.values())
