"""Word files into Markdown: what Word shows when tracked changes are accepted."""

import re
from dataclasses import dataclass

from tasks.extract.blocks import Blocks, Converted, clean_title, one_line
from tasks.extract.drawings import chart_of, words_of
from tasks.extract.numbering import Numbering
from tasks.extract.package import Element, Package, attribute, child, children, local, properties

GONE = {"del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "tblPr", "sdtPr", "commentRangeStart"}
"""Elements of which nothing is seen."""

_HEADING = re.compile(
    r"(?:heading|überschrift|berschrift|titre|título|ttulo|titolo|título|kop|rubrik|overskrift|otsikko|nagłówek|nagwek"
    r"|nadpis|заголовок|标题|標題|見出し|제목)[ _-]*([1-9])",
    re.IGNORECASE,
)
_AUTOMATIC = re.compile(
    r"(?:Description|Beschreibung) automati[a-z]+ [a-z]+\.?$|AI-generated content may be incorrect\.?$"
)
_CODE = re.compile(r"(?:source ?code|html preformatted|preformatted( text)?|code( block)?|macro text)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph's style says: the level of a heading, or that it is the title or code; and its numbering."""

    level: int | None = None
    is_title: bool = False
    is_code: bool = False
    numbering: tuple[str, int] | None = None


def read_word(package: Package, main: str) -> Converted:
    """Headings by style or outline level, lists with their numbers, tables, notes; text as it stands.

    Args:
        package: the file.
        main: name of its main part.
    """
    reader = _Reader(package, main)
    for body in children(package.xml(main), "body"):
        reader.blocks_of(body)
    reader.add_notes()
    found = properties(package.xml(package.first_related("", "core-properties") or "docProps/core.xml"))
    title = reader.title or clean_title(found.pop("title", None))
    found.pop("title", None)
    return reader.out.converted(title, dict(found))


class _Reader:
    """Walks through a document's paragraphs and tables."""

    def __init__(self, package: Package, main: str) -> None:
        self.out = Blocks()
        self.title: str | None = None
        self._package, self._main = package, main
        self._styles = _styles(package.xml(package.first_related(main, "styles") or ""))
        self._numbering = Numbering(package.xml(package.first_related(main, "numbering") or ""))
        self._notes: list[tuple[str, str]] = []  # kind and id, as they are referred to
        self._boxes: list[Element] = []  # text boxes, charts and diagrams of the paragraph at hand
        self._begun = ""  # of a paragraph whose end was deleted
        self._code: list[str] = []

    def blocks_of(self, parent: Element) -> None:
        """Add what a body, a cell or a text box holds."""
        for element in parent:
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._end_code()
                self._table(element)
            elif name not in GONE and name != "sectPr":
                self.blocks_of(element)  # content controls, insertions of whole paragraphs
        self._end_code()

    def _paragraph(self, element: Element) -> None:
        marks = child(element, "pPr")
        text = self._begun + self._text(element)
        self._begun = ""
        if child(marks, "rPr", "del") is not None or child(marks, "rPr", "moveFrom") is not None:
            self._begun = text  # its end was deleted: it runs into the next one
            return
        frame = child(marks, "framePr")
        if frame is not None and attribute(frame, "dropCap") in ("drop", "margin"):
            self._begun = text.strip()  # the first letter of the next one
            return
        style = self._style(marks)
        if style.is_code:
            self._code.append(text)
        else:
            self._end_code()
            self._add(text, style, marks)
        self._add_boxes()

    def _add(self, text: str, style: _Style, marks: Element | None) -> None:
        if not text.strip():
            return
        if style.is_title:
            self.title = self.title or one_line(text)
        if style.level is not None:
            self.out.heading(style.level, text)
            return
        numbered = _numbering_of(marks) or style.numbering
        if numbered and numbered[0] != "0":
            depth, mark = self._numbering.next(*numbered)
            if mark:
                self.out.item(depth, mark, text)
                return
        self.out.paragraph(text)

    def _end_code(self) -> None:
        if self._code:
            self.out.code("\n".join(self._code))
            self._code = []

    def _style(self, marks: Element | None) -> _Style:
        reference = child(marks, "pStyle")
        identity = attribute(reference, "val") or "" if reference is not None else ""
        style = self._styles.get(identity) or _named(identity, identity)
        level = _outline_level(marks)
        if level is not None:
            return _Style(level or None, style.is_title, style.is_code, style.numbering)
        return style

    def _text(self, parent: Element) -> str:
        """The words of a paragraph or run."""
        parts: list[str] = []
        for element in parent:
            name = local(element)
            if name in GONE:
                continue
            if name == "t":
                parts.append(element.text or "")
            elif name == "r" and _is_hidden(element):
                continue
            elif name in ("tab", "ptab"):
                parts.append("\t")
            elif name in ("br", "cr"):
                parts.append("\n")
            elif name == "noBreakHyphen":
                parts.append("-")
            elif name == "sym":
                parts.append(_symbol(element))
            elif name in ("footnoteReference", "endnoteReference"):
                self._notes.append((name.removesuffix("Reference") + "s", attribute(element, "id") or ""))
                parts.append(f"[{len(self._notes)}]")
            elif name == "docPr":
                parts.append(described(attribute(element, "descr")))
            elif name in ("txbxContent", "chart", "relIds"):
                self._boxes.append(element)
            elif name == "p":
                parts.append(self._text(element) + "\n")
            else:
                parts.append(self._text(element))
        return "".join(parts)

    def _table(self, table: Element) -> None:
        rows = [row for row in _deep(table, "tr") if child(row, "trPr", "del") is None]
        cells = [list(_deep(row, "tc")) for row in rows]
        if any(_is_layout(cell) for row in cells for cell in row) or max(map(len, cells), default=0) == 1:
            for cell in (cell for row in cells for cell in row):
                self.blocks_of(cell)
            return
        self.out.table([text for cell in row for text in self._cell(cell)] for row in cells)
        self._add_boxes()

    def _cell(self, cell: Element) -> list[str]:
        """A cell's text, and an empty one for each further column that it spans."""
        merged, span = child(cell, "tcPr", "vMerge"), child(cell, "tcPr", "gridSpan")
        width = int(attribute(span, "val") or 1) if span is not None else 1
        goes_on = merged is not None and attribute(merged, "val") != "restart"
        text = "" if goes_on else " ".join(self._text(paragraph) for paragraph in _deep(cell, "p"))
        return [text] + [""] * (min(width, 100) - 1)

    def _add_boxes(self) -> None:
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            name = local(box)
            if name == "txbxContent":
                self.blocks_of(box)
            elif name == "chart":
                title, rows = chart_of(self._drawn("chart", attribute(box, "id")))
                self.out.paragraph(title)
                self.out.table(rows)
            else:
                for text in words_of(self._drawn("diagramData", attribute(box, "dm"))):
                    self.out.item(0, "-", text)

    def _drawn(self, kind: str, identity: str | None) -> Element | None:
        return self._package.xml(self._package.related(self._main, kind).get(identity or "", ""))

    def add_notes(self) -> None:
        """Foot- and endnotes, in the order in which the text refers to them."""
        self._end_code()
        if self._begun:
            self.out.paragraph(self._begun)
        parts = {
            kind: self._package.xml(self._package.first_related(self._main, kind) or "")
            for kind in ("footnotes", "endnotes")
        }
        notes = {
            (kind, attribute(note, "id") or ""): note
            for kind, root in parts.items()
            for note in (root if root is not None else ())
        }
        for number, key in enumerate(list(self._notes), 1):
            if key in notes:
                text = one_line(" ".join(self._text(paragraph) for paragraph in _deep(notes[key], "p")))
                self.out.paragraph(f"[{number}] {text}")


def described(words: str | None) -> str:
    """What is said of a picture for those who cannot see it, unless programs said it."""
    text = _AUTOMATIC.sub("", one_line(words or ""))
    return f"[{text}]" if clean_title(text) else ""


def _deep(parent: Element, name: str) -> list[Element]:
    """The elements of a name in one, also within content controls, but not within each other."""
    found = []
    for element in parent:
        if local(element) == name:
            found.append(element)
        elif local(element) not in GONE and local(element) != "tbl":
            found += _deep(element, name)
    return found


def _is_layout(cell: Element) -> bool:
    """Whether a cell holds more than a table of words can: another table, or many paragraphs."""
    return any(local(e) == "tbl" for e in cell) or len(_deep(cell, "p")) > 6


def _is_hidden(run: Element) -> bool:
    vanish = child(run, "rPr", "vanish")
    return vanish is not None and attribute(vanish, "val") not in ("0", "false", "off")


def _symbol(element: Element) -> str:
    """A character of a symbol font; those without a meaning in Unicode are left out."""
    try:
        code = int(attribute(element, "char") or "", 16)
    except ValueError:
        return ""
    return "" if 0xE000 <= code <= 0xF8FF else chr(code)


def _outline_level(marks: Element | None) -> int | None:
    """The level from 1 that a paragraph or style says it has; 0 for the body's; None where it says none."""
    level = child(marks, "outlineLvl")
    value = attribute(level, "val") if level is not None else None
    if value is None or not value.isdigit():
        return None
    return int(value) + 1 if int(value) < 9 else 0


def _numbering_of(marks: Element | None) -> tuple[str, int] | None:
    number = child(marks, "numPr", "numId")
    if number is None:
        return None
    level = child(marks, "numPr", "ilvl")
    depth = attribute(level, "val") if level is not None else None
    return attribute(number, "val") or "", int(depth) if depth and depth.isdigit() else 0


def _named(name: str, identity: str) -> _Style:
    """What a style's name says by itself."""
    heading = _HEADING.fullmatch(name) or _HEADING.fullmatch(identity)
    if heading:
        return _Style(int(heading[1]))
    if name.lower() in ("title", "titel"):
        return _Style(1, is_title=True)
    return _Style(is_code=bool(_CODE.fullmatch(name)))


def _styles(root: Element | None) -> dict[str, _Style]:
    """What each style says, by its id; what it does not say, the one that it is based on does."""
    elements = {attribute(style, "styleId") or "": style for style in children(root, "style")}
    found: dict[str, _Style] = {}

    def resolve(identity: str, depth: int = 0) -> _Style:
        if identity in found or identity not in elements or depth > 20:
            return found.get(identity, _Style())
        element = elements[identity]
        name, based, marks = child(element, "name"), child(element, "basedOn"), child(element, "pPr")
        own = _named(attribute(name, "val") or "" if name is not None else "", identity)
        level = _outline_level(marks)
        base = resolve(attribute(based, "val") or "", depth + 1) if based is not None else _Style()
        if level is None and own.level is None and not own.is_title:
            level = base.level
        found[identity] = _Style(
            own.level if own.level is not None else level or None,
            own.is_title or (base.is_title and own.level is None),
            own.is_code or base.is_code,
            _numbering_of(marks) or base.numbering,
        )
        return found[identity]

    for identity in elements:
        resolve(identity)
    return found
