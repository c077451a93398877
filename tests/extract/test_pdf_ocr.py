import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pypdfium2
import pytest

from tasks.errors import BrokenDocument, ConfigurationError, EmptyDocument
from tasks.extract import pdf_ocr
from tasks.extract.pdf import read_pdf
from tasks.extract.read import PAGES, extract
from tasks.text.decode import check_guess
from tests.extract.files import line, lines, pdf

TEXT = ["The miller grinds the corn of three villages in one", "long day, and rests when the wind does not blow."]


def picture(drawn: list[str] | None = None, noise: bool = False) -> Any:
    if noise:
        from PIL import Image

        return Image.fromarray(np.random.default_rng(1).integers(0, 255, (1100, 850), dtype=np.uint8))
    return pypdfium2.PdfDocument(pdf([drawn or []]))[0].render(scale=200 / 72).to_pil().convert("L")


def scan(*pictures: Any) -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=200)
    return out.getvalue()


def engine(*found: tuple[str, float]) -> Any:
    """Stands for RapidOCR: gives the same lines of each page, below each other."""
    boxes = [
        np.array([[100, 100 + 40 * i], [900, 100 + 40 * i], [900, 130 + 40 * i], [100, 130 + 40 * i]])
        for i in range(len(found))
    ]
    texts, scores = [text for text, _ in found], [score for _, score in found]
    return lambda picture: SimpleNamespace(boxes=boxes or None, txts=texts, scores=scores)


def test_pages_that_are_read_have_numbers_and_a_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "_engine", lambda: engine(("Words of a page.", 0.9)))
    found = extract(scan(picture(lines(TEXT)), picture(lines(TEXT))), "a.pdf", "auto", 2**24, ocr=True)
    assert found.text == "Words of a page.\n\nWords of a page."
    assert found.pages == (0, 18)
    assert (found.encoding, found.confidence, found.metadata["pages_by_ocr"]) == ("ocr", 0.9, 2)
    check_guess(found, 0.8)
    with pytest.raises(BrokenDocument, match="OCR is not sure enough"):
        check_guess(found, 0.95)


def test_pages_with_text_are_not_read_by_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "_engine", lambda: pytest.fail("there is text"))
    found = extract(pdf([lines(TEXT), []]), "a.pdf", "auto", 2**20, ocr=True)
    assert found.encoding is None
    assert found.left_out == {PAGES: 1}


@pytest.mark.parametrize(
    "lines", [[("g@rb", 0.3), ("xq", 0.4)], [("readable", 0.9), ("l1|lI|l1|lI|", 0.2)], [("a", 0.9)], []]
)
def test_what_is_unsure_gives_nothing(lines: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "_engine", lambda: engine(*lines))
    with pytest.raises(EmptyDocument, match="no text on 1 pages"):
        read_pdf(scan(picture(noise=True)), ocr=True)


def test_a_scan_without_ocr_says_how_to_have_it_read() -> None:
    with pytest.raises(EmptyDocument) as error:
        read_pdf(scan(picture(noise=True)))
    assert "ocr: true" in error.value.hint


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as error:
        pdf_ocr.require_ocr()
    assert error.value.hint == "pip install 'embedlake[ocr]'"


@pytest.mark.slow
def test_a_scan_is_read() -> None:
    pytest.importorskip("rapidocr", reason="needs pip install 'embedlake[ocr]'")
    title = [line("The Windmill", y=740, size=22)]
    found = read_pdf(scan(picture([*title, *lines(TEXT)]), picture(noise=True), picture()), ocr=True)
    assert found.text == f"# The Windmill\n\n{' '.join(TEXT)}"
    assert (found.metadata["pages_by_ocr"], found.metadata["pages_without_text"]) == (1, 2)
    assert found.confidence is not None
    assert found.confidence > 0.9
