"""Images within documents from sources to vectors: pieces of their documents, fetched again from these."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.cli.clones import clones
from flows.cli.passages import print_passages
from tasks.content.fetching import fetch
from tasks.content.finding import COLUMNS, Origin, origins_of
from tasks.ingest import pictures
from tasks.ingest.identity import VERSIONS
from tasks.lake.tables import Lake
from tasks.models.takes import Takes
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.encoders import COLOURS, ColourEncoder, Colours
from tests.extract.files import paragraph
from tests.extract.showing import data_of, drawn, heading, pdf_with, word_with
from tests.lakes import lake_of
from tests.machine.engine import run_ingest
from tests.media.pictures import smooth, stored
from tests.media_corpora import corpora


def image(colour: str, side: int = 40, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), COLOURS[colour]).save(file, form)
    return file.getvalue()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes a corpus of the folder `docs` with the images within its documents, for a model of texts and images."""
    with corpora(tmp_path, "colours", Colours(), ColourEncoder) as write:

        def make(images: str = "all", metadata: dict[str, str] | None = None, **more: Any) -> Path:
            ColourEncoder.seen.clear()
            both = [{"model": "colours:small", "name": "both"}]
            return write(extraction={"images": images, **more}, models=both, metadata=metadata or {})

        yield make


def report_of(colour: str = "red", side: int = 40) -> bytes:
    return word_with(
        {"r1": image(colour, side), "r2": image("blue", 12), "r3": b"no image"},
        heading("Spring"), paragraph("The flood rose."), heading("Autumn"), paragraph("The storm came."),
        drawn("r1", "The pier at night"), drawn("r2"), drawn("r1"), drawn("r3"),
    )  # fmt: skip


def pictures_in(lake: Lake, *columns: str) -> list[dict[str, Any]]:
    """The rows of images in the only model's table, by their reference."""
    assert not verify(lake), [found.to_dict() for found in verify(lake)]
    [entry] = lake.catalog()
    rows = lake.read(entry["table"], ["content_reference", *columns], "modality = 'image'").to_pylist()
    return sorted(rows, key=lambda row: row["content_reference"])


def test_an_image_in_a_document_knows_where_it_stands(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "a.docx"
    file.write_bytes(report_of())
    report = run_ingest(str(here()))
    [row] = pictures_in(
        lake_of(here()), "document_id", "ordinal", "text", "heading_path", "span_page", "span_region", "content_hash"
    )
    assert row.pop("content_hash")
    assert row == {
        "content_reference": f"{file}#part=word/media/r1.png", "document_id": "docs:a.docx", "ordinal": 2,
        "text": "The pier at night", "heading_path": ["Autumn"], "span_page": None, "span_region": [0, 0, 40, 40],
    }  # fmt: skip
    told = {kind: found.count for kind, found in report.documents.left_out.items()}
    assert told == {"images below 32 pixels": 1, "images that cannot be read": 1}
    assert run_ingest(str(here())).idle


def test_it_is_embedded_again_only_where_its_bytes_change(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "a.docx"
    file.write_bytes(report_of())
    run_ingest(str(here()))
    assert ColourEncoder.seen == {"text": 2, "image": 1}
    (tmp_path / "docs" / "b.docx").write_bytes(report_of())
    file.unlink()
    run_ingest(str(here()))
    assert not ColourEncoder.seen
    (tmp_path / "docs" / "b.docx").write_bytes(report_of("green"))
    run_ingest(str(here()))
    assert ColourEncoder.seen == {"image": 1}
    assert len(pictures_in(lake_of(here()))) == 1


def test_a_scan_without_text_has_its_pages(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "scan.pdf"
    pages = [([], [(image(colour, 64, "JPEG"), 100, 100)]) for colour in ("red", "green", "red")]
    file.write_bytes(pdf_with(pages))
    report = run_ingest(str(here()))
    assert report.failed == 0
    assert [(row["content_reference"], row["span_page"]) for row in pictures_in(lake_of(here()), "span_page")] == [
        (f"{file}#page=1&image=1", 1), (f"{file}#page=2&image=1", 2),
    ]  # fmt: skip
    assert run_ingest(str(here("files"))).failed == 1


def test_text_stays_as_it_is_when_images_come_and_go(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.docx").write_bytes(report_of())
    (docs / "b.md").write_text("# Words\n\nNothing else.")
    (docs / "c.png").write_bytes(image("white"))
    run_ingest(str(here("files")))
    lake = lake_of(here())
    before = lake.read(lake.name("documents"), ["document_id", "settings"]).to_pylist()
    texts = lake.read(lake.name("chunks"), ["chunk_id", "version"], "modality = 'text'").to_pylist()
    run_ingest(str(here("all")))
    assert ColourEncoder.seen == {"image": 1}
    after = lake_of(here()).read(lake.name("documents"), ["document_id", "settings"]).to_pylist()
    changed = {row["document_id"] for row in after} - {row["document_id"] for row in after if row in before}
    assert changed == {"docs:a.docx"}
    now = lake_of(here()).read(lake.name("chunks"), ["chunk_id", "version"], "modality = 'text'").to_pylist()
    assert {row["chunk_id"]: row["version"] for row in now} == {row["chunk_id"]: row["version"] for row in texts}
    run_ingest(str(here("files")))
    assert not ColourEncoder.seen
    assert len(pictures_in(lake_of(here()))) == 1


def test_they_are_fetched_from_wherever_their_document_is(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    page = f"<html><body><h1>Sky</h1><p>Above.</p><img src='{data_of(image('blue'))}'></body></html>"
    with zipfile.ZipFile(docs / "z.zip", "w") as archive:
        archive.writestr("in/page.html", page)
    mail = EmailMessage()
    mail["From"] = "ann@example.org"
    mail["Subject"] = "Colours"
    mail.set_content("See the report.")
    mail.add_attachment(report_of("green"), "application", "msword", filename="g.docx")
    (docs / "m.eml").write_bytes(mail.as_bytes())
    (docs / "a.docx").write_bytes(report_of("red"))
    run_ingest(str(here()))
    lake = lake_of(here())
    rows = pictures_in(lake, *(name for name in COLUMNS if name != "content_reference"))
    assert [row["content_reference"].removeprefix(f"{docs}/") for row in rows] == [
        "a.docx#part=word/media/r1.png", "m.eml!/g.docx#part=word/media/r1.png", "z.zip!/in/page.html#image=1",
    ]  # fmt: skip
    origins = [one for one in origins_of(rows, lake.corpus) if isinstance(one, Origin)]
    found = dict(fetch(origins, lake.corpus, Takes()))
    seen = [tuple(found[key][0, 0]) for key in range(3)]  # type: ignore[index]
    assert seen == [COLOURS["red"], COLOURS["green"], COLOURS["blue"]]


def test_tiles_are_of_images_within_documents_too(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "a.docx"
    file.write_bytes(report_of(side=80))
    run_ingest(str(here(tiles=40)))
    rows = pictures_in(lake_of(here(tiles=40)), "span_region")
    assert sorted(row["span_region"] for row in rows) == [
        [0, 0, 40, 40], [0, 40, 40, 80], [40, 0, 80, 40], [40, 40, 80, 80],
    ]  # fmt: skip
    assert rows[0]["content_reference"] == f"{file}#part=word/media/r1.png&xywh=0,0,40,40"


def test_images_that_look_alike_are_told_wherever_they_are(
    tmp_path: Path, here: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    seen = smooth(200, 150, 1)
    (docs / "a.png").write_bytes(stored(seen, "PNG"))
    (docs / "b.jpg").write_bytes(stored(seen.resize((100, 75)), "JPEG", quality=60))
    (docs / "c.docx").write_bytes(word_with({"r1": stored(seen, "JPEG")}, paragraph("The bay."), drawn("r1")))
    (docs / "d.png").write_bytes(stored(smooth(200, 150, 2), "PNG"))
    (docs / "e.docx").write_bytes(word_with({"r1": stored(seen, "PNG")}, paragraph("The sea."), drawn("r1")))
    (docs / "f.png").write_bytes(image("red"))
    (docs / "g.png").write_bytes(image("green"))
    run_ingest(str(here()))
    corpus_file = here()
    found = open_lake(corpus_file).clones(images=True)
    told = [
        (pair.exact, *(one.document_id.removeprefix("docs:") for one in (pair.first, pair.second)))
        for pair in found.pairs
    ]
    assert (told[0], found.exact, found.texts) == ((True, "a.png", "e.docx"), 1, 4)
    assert {frozenset(pair[1:]) for pair in told[1:]} >= {frozenset({"b.jpg", "c.docx"})}
    assert not any("d.png" in pair for pair in told)
    assert all(pair.cosine >= 1 - 6 / 32 for pair in found.pairs)
    assert {one.reference for pair in found.pairs for one in (pair.first, pair.second)} >= {
        f"{docs / 'a.png'}#page=1", f"{docs / 'c.docx'}#part=word/media/r1.png",
    }  # fmt: skip
    assert len(open_lake(corpus_file).clones(images=True, exact=False).pairs) == found.near == len(told) - 1
    capsys.readouterr()
    clones(corpus_file, images=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "equal  docs:a.png (page=1)  =  docs:e.docx (part=word/media/r1.png)"
    assert all(" bits  docs:" in line for line in lines[1:-1])
    assert lines[-1].startswith("1 copies and")


def test_a_lake_that_did_not_keep_what_images_look_like_gets_it_with_the_next_run(
    tmp_path: Path, here: Callable[..., Path]
) -> None:
    (tmp_path / "docs" / "a.png").write_bytes(stored(smooth(200, 150, 1), "PNG"))
    (tmp_path / "docs" / "b.docx").write_bytes(report_of())
    (tmp_path / "docs" / "c.txt").write_text("The tide.")
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(VERSIONS["read"], "image")
        patch.setattr(pictures, "visual_hash_of", lambda _: None)
        run_ingest(str(here()))
    report = run_ingest(str(here()))
    assert (report.documents.unchanged, report.models[0].embedded) == (1, 0)
    lake = lake_of(here())
    assert not verify(lake)
    assert len(lake.read(lake.name("chunks"), ["chunk_id"], "visual_hash IS NOT NULL")) == 1
    assert run_ingest(str(here())).idle


def test_of_images_that_look_alike_a_search_shows_the_best_by_choice(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    seen = smooth(200, 150, 1)
    (docs / "a.png").write_bytes(stored(seen, "PNG"))
    (docs / "b.png").write_bytes(stored(seen.resize((100, 75)), "PNG"))
    (docs / "c.png").write_bytes(stored(smooth(200, 150, 2), "PNG"))
    (docs / "d.png").write_bytes(image("red"))
    (docs / "e.png").write_bytes(image("green"))
    run_ingest(str(here()))

    def found(**asked: Any) -> list[str]:
        asked = {"image": image("red"), "by": "vector", "modality": "image"} | asked
        return [one.document_id for one in open_lake(make(here)).search(**asked)]

    def make(write: Callable[..., Path], way: str = "near") -> Path:
        file = write()
        file.write_text(json.dumps(json.loads(file.read_text()) | {"deduplication": way}))
        return file

    every = found(limit=9)
    assert {*every} - {"docs:a.png", "docs:b.png"} == {"docs:c.png", "docs:d.png", "docs:e.png"}
    assert len(every) == 4
    assert [one for page in range(4) for one in found(limit=1, offset=page)] == every
    assert len(open_lake(make(here, "exact")).search(image=image("red"), by="vector", limit=9)) == 5


def test_a_search_says_which_image_of_a_document_it_found(
    tmp_path: Path, here: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs" / "a.docx").write_bytes(report_of())
    run_ingest(str(here()))
    capsys.readouterr()
    found = open_lake(here()).search(image=image("red"), by="vector", modality="image")
    print_passages(found)
    told = capsys.readouterr().out
    assert "docs:a.docx  Spring > Autumn" in told
    assert "image 40 × 40, word/media/r1.png" in told
    assert "The pier at night" in told
