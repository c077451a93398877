"""Images from sources to vectors: embedded once, by their bytes, whatever becomes of names and captions."""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tasks.config.loading import load_corpus
from tasks.lake.tables import Lake
from tasks.models import providers
from tasks.operate.inspect import inspect
from tasks.operate.plan import plan_of
from tasks.operate.report import plan_rows
from tasks.operate.status import status_of
from tasks.operate.verify import verify
from tests.encoders import COLOURS, ColourEncoder, Colours
from tests.lakes import lake_of
from tests.machine.engine import run_backfill, run_ingest
from tests.media_corpora import corpora


def image(colour: str, side: int = 24, form: str = "PNG", **saved: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), COLOURS[colour]).save(file, form, **saved)
    return file.getvalue()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes a corpus of the folder `docs` with images, for a model of texts and images."""
    with corpora(tmp_path, "colours", Colours(), ColourEncoder) as write:

        def make(**changes: Any) -> Path:
            ColourEncoder.seen.clear()
            both = [{"model": "colours:small", "name": "both"}]
            return write(**{"extraction": {"images": "files"}, "models": both, **changes})

        yield make


def landed(lake: Lake) -> dict[str, tuple[str, str]]:
    """Modality and text of each row of the only model's table, by document and place."""
    [entry] = lake.catalog()
    rows = lake.read(entry["table"], ["document_id", "ordinal", "modality", "text"]).to_pylist()
    assert not verify(lake), [f.to_dict() for f in verify(lake)]
    return {f"{row['document_id']} {row['ordinal']}": (row["modality"], row["text"]) for row in rows}


def test_images_are_embedded_with_their_captions(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    exif = Image.Exif()
    exif[0x010E] = "A red square"
    (docs / "a.jpg").write_bytes(image("red", form="JPEG", exif=exif))
    (docs / "b.png").write_bytes(image("blue"))
    (docs / "c.txt").write_text("The blue river.")
    report = run_ingest(str(here()))
    assert landed(lake_of(here())) == {
        "docs:a.jpg 0": ("image", "A red square"),
        "docs:a.jpg 1": ("text", "A red square"),
        "docs:b.png 0": ("image", ""),
        "docs:c.txt 0": ("text", "The blue river."),
    }
    assert report.models[0].by_modality == {"image": 2}
    assert run_ingest(str(here())).idle
    assert not ColourEncoder.seen


def test_a_caption_that_changes_embeds_the_text_and_not_the_image(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.png").write_bytes(image("red"))
    (docs / "a.png.json").write_text(json.dumps({"caption": "A red square", "width": 7, "title": "Square"}))
    changes = {
        "sources": [{"name": "docs", "uri": str(docs), "sidecar": "{name}.json"}],
        "metadata": {"width": "integer", "height": "integer"},
    }
    run_ingest(str(here(**changes)))
    lake = lake_of(here(**changes))
    assert landed(lake) == {"docs:a.png 0": ("image", "A red square"), "docs:a.png 1": ("text", "A red square")}
    row = lake.read(lake.name("documents"), ["width", "height", "title", "media_type"]).to_pylist()[0]
    assert row == {"width": 7, "height": 24, "title": "Square", "media_type": "image/png"}
    (docs / "a.png.json").write_text(json.dumps({"caption": "A crimson square"}))
    run_ingest(str(here(**changes)))
    assert ColourEncoder.seen == {"text": 1}
    assert {text for _, text in landed(lake_of(here(**changes))).values()} == {"A crimson square"}


def test_a_caption_may_be_a_text_beside_the_image(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.png").write_bytes(image("red"))
    (docs / "a.txt").write_text("A red square")
    (docs / "b.md").write_text("Birds.")
    (docs / "b.txt").write_text("No caption, but a text.")
    run_ingest(str(here(sources=[{"name": "docs", "uri": str(docs), "sidecar": "{stem}.txt"}])))
    assert sorted(text for _, text in landed(lake_of(tmp_path / "notes.yaml")).values()) == [
        "A red square", "A red square", "Birds.", "No caption, but a text.",
    ]  # fmt: skip


def test_what_moves_or_is_there_twice_is_embedded_once(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    for name in ("a.png", "b.png"):
        (docs / name).write_bytes(image("red"))
    run_ingest(str(here()))
    assert ColourEncoder.seen == {"image": 1}
    shutil.move(docs / "a.png", docs / "c.png")
    (docs / "b.png").write_bytes(image("green"))
    (docs / "d.png").write_bytes(image("green"))
    run_ingest(str(here()))
    assert ColourEncoder.seen == {"image": 1}
    assert landed(lake_of(here())).keys() == {"docs:b.png 0", "docs:c.png 0", "docs:d.png 0"}


def test_images_lie_in_archives_mails_and_records(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    with zipfile.ZipFile(docs / "z.zip", "w") as archive:
        archive.writestr("in/a.png", image("red"))
        archive.writestr("in/b.txt", "Words.")
        inner = io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w") as tar:
            entry = tarfile.TarInfo("c.png")
            entry.size = len(image("blue"))
            tar.addfile(entry, io.BytesIO(image("blue")))
        archive.writestr("t.tar", inner.getvalue())
    mail = EmailMessage()
    mail["From"] = "ann@example.org"
    mail["Subject"] = "Colours"
    mail.set_content("See the picture.")
    mail.add_attachment(image("green"), "image", "png", filename="g.png")
    (docs / "m.eml").write_bytes(mail.as_bytes())
    struct = pa.array([{"bytes": image("white"), "path": "w.png"}, {"bytes": image("black"), "path": None}, None])
    pq.write_table(
        pa.table({"key": ["w", "k", "n"], "image": struct, "text": ["White", "", "None"]}), docs / "r.parquet"
    )
    source = {"name": "docs", "uri": str(docs), "fields": {"id": "key", "image": "image", "text": "text"}}
    report = run_ingest(str(here(sources=[source])))
    assert report.failed == 0, report.failures
    found = landed(lake_of(tmp_path / "notes.yaml"))
    assert {place: text for place, (modality, text) in found.items() if modality == "image"} == {
        "docs:z.zip!/in/a.png 0": "", "docs:z.zip!/t.tar!/c.png 0": "", "docs:m.eml!/g.png 0": "", "docs:w 0": "White",
        "docs:k 0": "",
    }  # fmt: skip
    assert found["docs:w 1"] == ("text", "White")
    assert found["docs:n 0"] == ("text", "None")


def test_tiles_and_pages_are_chunks_of_their_own(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    pages = [Image.new("RGB", (24, 24), COLOURS[colour]) for colour in ("red", "green")]
    pages[0].save(docs / "a.tif", save_all=True, append_images=pages[1:])
    (docs / "b.png").write_bytes(image("blue", 40))
    run_ingest(str(here(extraction={"images": "files", "tiles": 30})))
    lake = lake_of(tmp_path / "notes.yaml")
    rows = lake.read(lake.name("chunks"), ["document_id", "start", "end", "span_page", "span_region"]).to_pylist()
    assert sorted((r["document_id"], r["start"], r["end"], r["span_page"], r["span_region"]) for r in rows) == [
        ("docs:a.tif", 0, 576, 1, [0, 0, 24, 24]), ("docs:a.tif", 576, 1152, 2, [0, 0, 24, 24]),
        ("docs:b.png", 0, 400, None, [0, 0, 20, 20]), ("docs:b.png", 400, 800, None, [20, 0, 40, 20]),
        ("docs:b.png", 800, 1200, None, [0, 20, 20, 40]), ("docs:b.png", 1200, 1600, None, [20, 20, 40, 40]),
    ]  # fmt: skip
    assert len(landed(lake)) == 6


def test_bad_images_fail_and_are_told(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "cut.png").write_bytes(image("red")[:60])
    (docs / "huge.png").write_bytes(image("red", 101))
    (docs / "text.png").write_text("This is no picture but a text of some length.")
    (docs / "misnamed.txt").write_bytes(image("blue"))
    (docs / "none.png").write_bytes(b"")
    run_ingest(str(here(extraction={"images": "files", "max_pixels": 10_000})))
    lake = lake_of(tmp_path / "notes.yaml")
    rows = lake.read(lake.name("failures"), ["document_id", "error"]).to_pylist()
    assert {row["document_id"]: row["error"] for row in rows} == {
        "docs:cut.png": "BrokenDocument", "docs:huge.png": "OversizedDocument", "docs:text.png": "UnsupportedDocument",
        "docs:none.png": "EmptyDocument",
    }  # fmt: skip
    assert landed(lake) == {"docs:misnamed.txt 0": ("image", "")}


def test_without_asking_images_are_skipped_and_a_model_that_takes_them_is_told(
    tmp_path: Path, here: Callable[..., Path]
) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(image("red"))
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    report = run_ingest(str(here(extraction={})))
    assert report.documents.skipped == {"image/png": 1}
    assert any("images: files" in note for note in report.hints)
    report = run_ingest(str(here()))
    assert (report.documents.new, report.models[0].by_modality) == (1, {"image": 1})


def test_what_changed_since_it_was_read_waits(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(image("red"))
    (tmp_path / "docs" / "b.png").write_bytes(image("blue"))
    run_ingest(str(here()))
    (tmp_path / "docs" / "a.png").write_bytes(image("green"))
    others = [{"model": "colours:small", "name": "both"}, {"model": "colours:other", "name": "other"}]
    report = run_backfill(str(here(models=others)), "other")
    [counts] = report.models
    assert (counts.by_modality, counts.lost, counts.pending) == ({"image": 1}, 1, 1)
    assert counts.lost_first == "docs:a.png: its content is not what was read"
    assert counts.state == "building"
    run_ingest(str(here(models=others)))
    lake = lake_of(tmp_path / "notes.yaml")
    assert [lake.count(entry["table"]) for entry in lake.catalog()] == [2, 2]
    assert {entry["state"] for entry in lake.catalog()} == {"live", "ready"}


def test_a_model_of_texts_has_no_rows_of_images(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(image("red"))
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    with pytest.MonkeyPatch.context() as patch:
        from tasks.models.takes import Takes

        patch.setitem(providers._PROVIDERS, "words", Colours(Takes()))
        run_ingest(str(here(models=[{"model": "words:small", "name": "words"}])))
        lake = lake_of(tmp_path / "notes.yaml")
        assert landed(lake) == {"docs:a.txt 0": ("text", "Words.")}
        assert lake.count(lake.name("chunks")) == 2
        assert lake.catalog()[0]["state"] == "live"


def test_plan_and_status_count_by_modality(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(image("red"))
    (tmp_path / "docs" / "b.png").write_bytes(image("red"))
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    corpus = load_corpus(here())
    plan = plan_of(corpus, Lake(corpus, may_be_empty=True))
    assert (plan.models[0].texts, plan.models[0].by_modality) == (2, {"image": 1})
    assert ("  to embed", "1 texts, 1 images") in plan_rows(plan)
    run_ingest(str(here()))
    found = status_of(lake_of(here()))
    assert (found["modalities"], found["models"][0]["pending"]) == ({"image": 2, "text": 1}, 0)
    plan = plan_of(corpus, lake_of(here()))
    assert (plan.models[0].texts, plan.models[0].by_modality) == (0, {})


def test_images_come_from_any_store(here: Callable[..., Path]) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/pictures/a.png", image("red"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("b.png", image("blue"))
    store.pipe("/pictures/z.zip", archive.getvalue())
    corpus_file = here(sources=[{"name": "docs", "uri": "memory://pictures"}])
    run_ingest(str(corpus_file))
    assert landed(lake_of(corpus_file)).keys() == {"docs:a.png 0", "docs:z.zip!/b.png 0"}


def test_an_image_can_be_inspected(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(image("red"))
    (tmp_path / "docs" / "a.png.json").write_text(json.dumps({"caption": "A red square"}))
    source = {"name": "docs", "uri": str(tmp_path / "docs"), "sidecar": "{name}.json"}
    [found] = inspect(str(tmp_path / "docs" / "a.png"), load_corpus(here(sources=[source])), 1)
    assert found.document["media_type"] == "image/png"
    assert [chunk["span_unit"] for chunk in found.chunks] == ["pixels", "characters"]
    assert found.text == "A red square"
