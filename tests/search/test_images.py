"""Searches of texts and images: by a question, by an image, of one modality; and the gap between these."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tasks.errors import ConfigurationError
from tasks.models import choose, providers
from tasks.models.takes import Takes
from tasks.search import settle
from tasks.search.query import OpenLake, open_lake
from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.warm import Corpora
from tests.encoders import COLOURS, ColourEncoder, Colours
from tests.machine.engine import quick, run_ingest
from tests.machine.world import make_model_folders


def image(colour: str, side: int = 24) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), COLOURS[colour]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Texts and images of colours, one with a caption."""
    folder = tmp_path_factory.mktemp("colours")
    make_model_folders(folder / "models")
    docs = folder / "docs"
    docs.mkdir()
    chance = np.random.default_rng(5)
    for number in range(12):
        pixels = chance.integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((24, 24)).save(docs / f"noise{number}.png")
        (docs / f"text{number}.txt").write_text(f"A page about {['stones', 'rivers', 'birds'][number % 3]}, {number}.")
    for colour in ("red", "green", "blue"):
        (docs / f"{colour}.png").write_bytes(image(colour))
    (docs / "blue.png.json").write_text(json.dumps({"caption": "Nothing but a blue sky"}))
    (docs / "red.txt").write_text("Something red.")
    corpus: dict[str, Any] = {
        "name": "colours", "lake": str(folder / "lake"), "extraction": {"images": "files"},
        "sources": [{"name": "docs", "uri": str(docs), "sidecar": "{name}.json"}],
        "chunking": {"tokenizer": str(folder / "models" / "words")}, "search": {"by": "vector"},
        "models": [{"model": "colours:small", "name": "both"}, {"model": "sight:small", "name": "sight"}],
    }  # fmt: skip
    file = folder / "colours.yaml"
    file.write_text(json.dumps(corpus))
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(providers._PROVIDERS, "colours", Colours())
        patch.setitem(providers._PROVIDERS, "sight", Colours(Takes(frozenset({"image"}))))
        patch.setattr(choose, "load_encoder", lambda *_, **__: ColourEncoder())
        patch.setattr(settle, "load_encoder", lambda *_, **__: ColourEncoder())
        patch.setattr(settle, "_LEAST_ROWS", 1)
        run_ingest(str(file))
        yield file


@pytest.fixture
def lake(corpus_file: Path) -> OpenLake:
    return open_lake(corpus_file)


def test_a_question_finds_texts_and_images_in_one_list(lake: OpenLake) -> None:
    found = lake.search("something red", limit=3)
    assert {"docs:red.png", "docs:red.txt"} <= {passage.document_id for passage in found[:2]}
    [picture] = [passage for passage in found if passage.modality == "image"][:1]
    assert picture.region == [0, 0, 24, 24]
    assert picture.reference == f"{picture.uri}#page=1"
    assert picture.scores["gap"]["cosine"] < picture.score  # texts are all nearer to a text


def test_without_regard_for_the_gap_no_image_would_be_among_the_first(lake: OpenLake) -> None:
    texts = lake.search("something red", modality="text", limit=20)
    images = lake.search("something red", modality="image", limit=20)
    assert images[0].document_id == "docs:red.png"
    assert images[0].score < texts[-1].score
    assert {passage.modality for passage in texts} == {"text"}
    assert {passage.modality for passage in images} == {"image"}


def test_an_image_finds_images_and_the_texts_that_name_it(lake: OpenLake, tmp_path: Path) -> None:
    (tmp_path / "query.png").write_bytes(image("red", 50))
    found = lake.search(image=tmp_path / "query.png", limit=4)
    assert {passage.document_id for passage in found[:2]} == {"docs:red.png", "docs:red.txt"}
    [best] = lake.search(image=image("green"), limit=1, modality="image")
    assert best.document_id == "docs:green.png"


def test_an_image_and_its_caption_are_one(lake: OpenLake) -> None:
    for by in ("vector", "text", "hybrid"):
        found = lake.search("nothing but a blue sky", limit=20, by=by)
        assert [passage.modality for passage in found if passage.document_id == "docs:blue.png"] == ["image"]
    assert found[0].text == "Nothing but a blue sky"
    assert lake.search("blue sky", modality="text", limit=1, by="text")[0].modality == "text"


def test_pages_follow_on_each_other(lake: OpenLake) -> None:
    whole = [passage.chunk_id for passage in lake.search("a red page", limit=40)]
    pages = [passage.chunk_id for at in range(0, 40, 7) for passage in lake.search("a red page", limit=7, offset=at)]
    assert pages[: len(whole)] == whole
    assert len(set(whole)) == len(whole)


def test_a_model_of_images_alone_is_asked_by_images_and_by_words(lake: OpenLake) -> None:
    assert lake.search(image=image("blue"), model="sight", limit=1)[0].document_id == "docs:blue.png"
    assert lake.search("sky", model="sight", by="hybrid", limit=5)[0].document_id == "docs:blue.png"


def test_what_makes_no_sense_is_refused(lake: OpenLake) -> None:
    for options, told in [
        ({}, "either a question, an image or a sound"),
        ({"query": "red", "image": image("red")}, "either a question, an image or a sound"),
        ({"image": image("red"), "by": "hybrid"}, "no words"),
        ({"image": b"no image at all, but a text"}, "cannot be used"),
        ({"image": "/nowhere.png"}, "cannot be read"),
    ]:
        with pytest.raises(ConfigurationError, match=told):
            lake.search(**options)  # type: ignore[arg-type]


def test_the_command_line_shows_what_an_image_is(
    corpus_file: Path, tmp_path: Path, typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    (tmp_path / "query.png").write_bytes(image("blue"))
    code, out, _ = typed("search", corpus_file, "--image", tmp_path / "query.png", "-n", 1, "--open")
    assert code == 0
    assert "docs:blue.png" in out
    assert "image 24 × 24, " in out
    assert "Nothing but a blue sky" in out
    assert [Path(uri).name for uri in opened] == ["blue.png"]
    code, out, _ = typed("search", corpus_file, "blue", "--modality", "image", "-n", 1, "--json")
    assert (code, json.loads(out)[0]["modality"]) == (0, "image")
    code, _, err = typed("search", corpus_file, "blue", "--image", tmp_path / "query.png")
    assert (code, "a query and an image are given" in err) == (2, True)


def test_the_service_takes_an_image_and_gives_small_ones(corpus_file: Path) -> None:
    corpora = Corpora([corpus_file])
    with TestClient(create_app(corpora, Keys(), Limits()), base_url="http://localhost") as client:
        asked = {"image": base64.b64encode(image("red")).decode(), "limit": 1, "modality": "image"}
        [best] = client.post("/search/image", json=asked).json()["passages"]
        assert (best["document_id"], best["modality"], best["region"]) == ("docs:red.png", "image", [0, 0, 24, 24])
        answer = client.get(f"/corpora/colours/chunks/{best['chunk_id']}/thumbnail?side=16")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        with Image.open(io.BytesIO(answer.content)) as small:
            assert small.size == (16, 16)
        assert client.get("/corpora/colours/chunks/none/thumbnail").status_code == 404
        assert client.post("/search/image", json={"image": "?"}).status_code == 422
        assert client.post("/search/image", json={"image": "YWJj"}).status_code == 400
        found = client.post("/search", json={"query": "something red", "modality": "text", "limit": 1}).json()
        assert found["results"][0]["passages"][0]["document_id"] == "docs:red.txt"
    corpora.close()


def test_an_image_is_like_others_and_not_like_captions(
    lake: OpenLake, corpus_file: Path, tmp_path: Path, typed: Callable[..., Any]
) -> None:
    assert all(passage.modality == "image" for passage in lake.similar("docs:blue.png", limit=3))
    (tmp_path / "query.png").write_bytes(image("green"))
    code, out, _ = typed("similar", corpus_file, tmp_path / "query.png", "-n", 3, "--json")
    assert code == 0
    assert "docs:green.png" in {row["document_id"] for row in json.loads(out)}
