"""Pages of a PDF that are pictures, read by RapidOCR: lines with their places, as pages with text have them.

RapidOCR brings its models (PP-OCR, for Chinese, Japanese and the languages in Latin letters) and runs them by OpenVINO.
"""

import logging
import math
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from tasks.errors import ConfigurationError
from tasks.extract.pdf_page import Line, Page

_DPI = 200
_MOST_PIXELS = 2_000  # of a page's longer side; the detector reads no more
_LEAST_SURE = 0.6  # confidence of a line that is kept
_MOST_UNSURE = 0.5  # share of a page's letters in lines that are not kept, from which on it is no text
_FEWEST_LETTERS = 3
_USUAL = 0.7  # of the height of most lines; lines near it have the same font
_DRAWN = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM)


class ReadPage(NamedTuple):
    """A page as OCR reads it, and how sure it is of its letters on average, from 0 to 1."""

    page: Page
    confidence: float


def require_ocr() -> None:
    """See that pages can be read by OCR.

    Raises:
        ConfigurationError: RapidOCR is not installed.
    """
    if find_spec("rapidocr") is None:
        raise ConfigurationError(
            "`extraction: {ocr: true}` needs RapidOCR, which is not installed", "pip install 'embedlake[ocr]'"
        )


def read_picture(page: Any) -> ReadPage | None:
    """Read a page of pypdfium2 as it is seen; None where nothing is drawn or what is there does not read as text."""
    kinds = (
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page.raw, number))
        for number in range(pdfium.FPDFPage_CountObjects(page.raw))
    )
    if not any(kind in (*_DRAWN, pdfium.FPDF_PAGEOBJ_TEXT) for kind in kinds):
        return None
    width, height = page.get_size()
    scale = min(_DPI / 72, _MOST_PIXELS / max(width, height, 1.0))
    try:
        picture = page.render(scale=scale).to_numpy()
    except (pypdfium2.PdfiumError, MemoryError):
        return None
    found = _engine()(picture[:, :, :3])
    if found.boxes is None:
        return None
    lines = [
        (_line(text, box / scale, height), float(score))
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True) if text.strip()
    ]  # fmt: skip
    kept = [(line, score) for line, score in lines if score >= _LEAST_SURE]
    letters = sum(len(line.text) for line, _ in kept)
    if letters < _FEWEST_LETTERS or letters < (1 - _MOST_UNSURE) * sum(len(line.text) for line, _ in lines):
        return None
    rows = _rows([line for line, _ in kept])
    confidence = sum(len(line.text) * score for line, score in kept) / letters
    return ReadPage(Page(rows, width, height, letters, 0), confidence)


@cache
def _engine() -> Any:
    from rapidocr import EngineType, RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    stages = ("Det", "Cls", "Rec")
    return RapidOCR(
        params={"Global.log_level": "error", **{f"{stage}.engine_type": EngineType.OPENVINO for stage in stages}}
    )


def _line(text: str, box: Any, height: float) -> Line:
    """A line from the corners of its box in points, which are counted from the top of the page."""
    left, right = float(box[:, 0].min()), float(box[:, 0].max())
    top, bottom = height - float(box[:, 1].min()), height - float(box[:, 1].max())
    words = text.split()
    first = (right - left) * len(words[0]) / len(text)
    return Line(" ".join(words), left, bottom, right, top, bottom, first, max(top - bottom, 1.0))


def _rows(lines: list[Line]) -> list[list[Line]]:
    """Lines from top to bottom, those that stand beside each other in one row; sizes that differ little are one."""
    usual = median(line.size for line in lines)
    for line in lines:
        if _USUAL < line.size / usual < 1 / _USUAL:
            line.size = usual
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: -(line.top + line.bottom)):
        middle = (line.top + line.bottom) / 2
        if rows and middle > min(other.bottom + 0.4 * (other.top - other.bottom) for other in rows[-1]):
            rows[-1].append(line)
        else:
            rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.left)
        if len(row) > 1:
            for line in row:
                line.alone = False
    return [row for row in rows if all(math.isfinite(line.left) for line in row)]
