"""The words of a PDF page with where they stand, as pdfium tells, put into lines."""

import ctypes
import math
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from tasks.extract.pdf_drawn import TOLD, Span, give_sizes
from tasks.extract.pdf_letters import with_tex_letters, without_ligatures
from tasks.extract.pdf_rules import Rule, read_rules

_WORD = re.compile(r"[^\s\x02]+\x02?|\x02")
_SPACE = 0.15  # times the height of a line: a gap between letters from which on it is a space that pdfium missed
_TELLING = 9  # letters of words that are looked into for such gaps; where none has one, shorter ones are not
_SPACED = "\u0590"  # letters before it are of scripts that put spaces between words, from left to right
_COLUMN_GAP = 0.9  # times the height of a line; within prose, spaces are narrower
_BOLD = re.compile(rb"bold|black|heavy|demi|-bd|bx\d", re.IGNORECASE)  # as foundries name fonts, and as TeX does
_FIXED = re.compile(rb"mono|courier|consol|tt\d", re.IGNORECASE)
_FIXED_PITCH = 1  # the flag of fonts whose letters have one width


@dataclass(frozen=True, slots=True)
class Table:
    """Cells that belong together.

    Attributes:
        names: of the columns; empty where the table does not say them.
        rows: below the names, as many cells each.
        places: where each column's cells begin and end, in points from the left.
        sure: a rule stands between the names and what is below them.
        goes_on: it goes on with the table at the end of the page before.
    """

    names: tuple[str, ...]
    rows: list[tuple[str, ...]]
    places: tuple[tuple[float, float], ...]
    sure: bool
    goes_on: bool = False


@dataclass(slots=True)
class Line:
    """Words beside each other, in points from the lower left corner of the page as it is seen.

    Attributes:
        text: words with a space between them; ends with U+0002 where pdfium saw a word cut by a hyphen.
        left, bottom, right, top: its box.
        foot: height of the line that its last word stands on.
        first: width of its first word.
        size: of the font, the larger one of its first and last words'.
        bold: whether its first and last words are.
        fixed: whether the letters of these all have one width.
        alone: nothing else stands on its row.
        words: where each word begins and ends from the left, in points; words of a form's field have none.
        cells: of the table that stands in this place.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    foot: float
    first: float
    size: float
    bold: bool = False
    fixed: bool = False
    alone: bool = True
    words: list[tuple[float, float]] = field(default_factory=list)
    cells: Table | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page's lines in the order in which they are drawn.

    Attributes:
        rows: lines that stand beside each other on one row; on most rows there is one.
        width, height: in points, as it is seen.
        letters: characters that are no white space.
        unmapped: of these (only the first of each word is looked at), those that the file gives no meaning, scaled up.
        flat, steep: the horizontal and the vertical lines that it draws, where cells may stand between them.
    """

    rows: list[list[Line]]
    width: float
    height: float
    letters: int
    unmapped: int
    flat: list[Rule] = field(default_factory=list)
    steep: list[Rule] = field(default_factory=list)


def read_page(page: Any, form: Any = None) -> Page:
    """Read one page.

    Args:
        page: of pypdfium2.
        form: the document's form environment, where it has fields.
    """
    textpage = page.get_textpage()
    text = _characters(textpage)
    width, height = page.get_size()
    rotated = _Rotation(page.get_rotation() // 90 % 4, width, height)
    box = pdfium.FS_RECTF()
    at = ctypes.byref(box)
    loose, raw = pdfium.FPDFText_GetLooseCharBox, textpage.raw
    rows: list[list[Line]] = []
    line: Line | None = None
    first = begun = before = 0  # where the line and its last word begin, and where that ends
    sizeless: list[Span] = []
    unmapped = words = 0
    for start, end in _words(text, textpage.raw):
        loose(raw, start, at)
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        last = end - 1 if text[end - 1] != "\x02" or end - start == 1 else end - 2
        if last > start:
            loose(raw, last, at)
            left, bottom = min(left, box.left), min(bottom, box.bottom)
            right, top = max(right, box.right), max(top, box.top)
        if rotated.turns:
            left, bottom, right, top = rotated(left, bottom, right, top)
        words += 1
        unmapped += pdfium.FPDFText_HasUnicodeMapError(raw, start) == 1
        word = text[start:end]
        height_here = max(top - bottom, 1.0)
        if line is not None:
            gap = left - line.right
            same_row = min(top, line.top) - max(bottom, line.bottom) > 0.5 * min(height_here, line.top - line.bottom)
            broken = "\n" in text[before:start] or line.text.endswith("\x02")
            if not broken and same_row and -height_here < gap < _COLUMN_GAP * height_here:
                line.text += f" {word}"
                line.words.append((left, right))
                line.right = max(line.right, right)
                line.bottom, line.top = min(line.bottom, bottom), max(line.top, top)
                begun, before = start, end
                continue
            _finish(line, raw, begun, rotated)
            sizeless += [(line, first, before)] if line.size < TOLD else []
            beside = same_row and gap > 0 and not line.text.endswith("\x02")
        else:
            beside = False
        line = Line(word, left, bottom, right, top, bottom, right - left, *_font(raw, start))
        line.words.append((left, right))
        if beside:
            rows[-1].append(line)
        else:
            rows.append([line])
        first, begun, before = start, start, end
    if line is not None:
        _finish(line, raw, begun, rotated)
        sizeless += [(line, first, before)] if line.size < TOLD else []
    if sizeless:
        give_sizes(sizeless, text, raw)
    for row in rows:
        if len(row) > 1:
            for line in row:
                line.alone = False
    if form is not None:
        _add_fields(page, form, rotated, rows)
    letters = sum(map(len, (line.text for row in rows for line in row)))
    may_have_tables = not rotated.turns and sum(len(row) > 1 for row in rows) > 1
    rules = read_rules(page) if may_have_tables else ([], [])
    return Page(rows, *rotated.size, letters, round(unmapped / max(words, 1) * letters), *rules)


def _words(text: str, textpage: Any) -> list[tuple[int, int]]:
    """Where words begin and end. Those that pdfium runs together, as in what groff sets, are cut at their gaps."""
    found = [match.span() for match in _WORD.finditer(text)]
    if not any(_gaps(text, textpage, *span) for span in found if span[1] - span[0] >= _TELLING):
        return found
    words: list[tuple[int, int]] = []
    for start, end in found:
        edges = [start, *_gaps(text, textpage, start, end), end]
        words += pairwise(edges)
    return words


def _gaps(text: str, textpage: Any, start: int, end: int) -> list[int]:
    """Where in a word a space is seen; nowhere in one that is spaced out."""
    box = pdfium.FS_RECTF()
    at = ctypes.byref(box)
    gaps: list[int] = []
    right = math.inf
    for i in range(start, end):
        pdfium.FPDFText_GetLooseCharBox(textpage, i, at)
        if box.left - right > _SPACE * (box.top - box.bottom) and max(text[i - 1], text[i]) < _SPACED:
            gaps.append(i)
        right = box.right
    return gaps if len(gaps) * 3 < end - start else []


def _characters(textpage: Any) -> str:
    """One character for each that pdfium counts, so that an index into one is an index into the other."""
    count = pdfium.FPDFText_CountChars(textpage.raw)
    if count <= 0:
        return ""
    buffer = ctypes.create_string_buffer(2 * (count + 1))
    pdfium.FPDFText_GetText(textpage.raw, 0, count, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)))
    text = buffer.raw.decode("utf-16-le", "surrogatepass").rstrip("\0")
    if len(text) != count or "\0" in text:
        codes = (pdfium.FPDFText_GetUnicode(textpage.raw, i) for i in range(count))
        text = "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)
    return with_tex_letters(text).replace("\ufffe", "\x02")  # both stand for a hyphen at a line's end


def _font(textpage: Any, index: int) -> tuple[float, bool, bool]:
    """Size in points as seen, whether bold, and whether of fixed pitch, of a character's font."""
    matrix = pdfium.FS_MATRIX()
    scale = math.hypot(matrix.c, matrix.d) if pdfium.FPDFText_GetMatrix(textpage, index, matrix) else 1.0
    size = pdfium.FPDFText_GetFontSize(textpage, index) * (scale or 1.0)
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(textpage, index, name, 128, flags)
    bold = bool(_BOLD.search(name.value))
    fixed = bool(flags.value & _FIXED_PITCH) or bool(_FIXED.search(name.value))
    return size, bold, fixed


def _finish(line: Line, textpage: Any, last: int, rotated: "_Rotation") -> None:
    """Say of a line what is so of its first and its last word: the larger size, bold, fixed pitch; where it stands."""
    line.text = without_ligatures(line.text)
    if not rotated.turns:
        x, y = ctypes.c_double(), ctypes.c_double()
        if pdfium.FPDFText_GetCharOrigin(textpage, last, x, y):
            line.foot = y.value
    size, bold, fixed = _font(textpage, last)
    line.size = max(line.size, size) if line.text[0].isalnum() else size
    line.bold &= bold
    line.fixed &= fixed


class _Rotation:
    """Boxes of a page that is shown turned, as they are seen."""

    def __init__(self, turns: int, width: float, height: float) -> None:
        self.turns = turns  # quarters, clockwise
        self.size = width, height  # pdfium gives them as seen

    def __call__(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        width, height = self.size
        if self.turns == 1:
            return bottom, height - right, top, height - left
        if self.turns == 2:
            return width - right, height - top, width - left, height - bottom
        if self.turns == 3:
            return width - top, left, width - bottom, right
        return left, bottom, right, top


def _add_fields(page: Any, form: Any, rotated: _Rotation, rows: list[list[Line]]) -> None:
    """The values of form fields, each after the line that it stands beside or below."""
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        try:
            if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
                continue
            box = pdfium.FS_RECTF()
            value = _value(form, annotation)
            if not value or not pdfium.FPDFAnnot_GetRect(annotation, box):
                continue
            left, bottom, right, top = rotated(box.left, box.bottom, box.right, box.top)
            for number, text in enumerate(part for part in value.split("\n") if part.strip()):
                below = 12 * number
                field = Line(text.strip(), left, bottom - below, right, top - below, bottom - below, right - left, 0.0)
                _place(field, rows)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _value(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        return "[x]" if pdfium.FPDFAnnot_IsChecked(form, annotation) else ""
    if kind not in (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        return ""
    length = pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
    if length <= 2:
        return ""
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0").replace("\r\n", "\n").replace("\r", "\n")


def _place(field: Line, rows: list[list[Line]]) -> None:
    """Put a field's value on the row that it stands on, or before the first row that is below it."""
    middle = (field.bottom + field.top) / 2
    for row in rows:
        if row[0].bottom - 2 <= middle <= row[0].top + 2:
            if row[0].size:
                field.size = row[0].size
            row.append(field)
            row.sort(key=lambda line: line.left)
            for line in row:
                line.alone = False
            return
    below = next((i for i, row in enumerate(rows) if row[0].top < middle), len(rows))
    rows.insert(below, [field])


def open_pdf(data: bytes) -> Any:
    """The document, with its forms ready to be read."""
    document = pypdfium2.PdfDocument(data)
    if document.get_formtype() != pdfium.FORMTYPE_NONE:
        document.init_forms()
    return document
