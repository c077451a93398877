"""OpenDocument texts, sheets and slides into Markdown."""

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument, OversizedDocument
from tasks.extract.blocks import Blocks, Converted, clean_title, one_line
from tasks.extract.package import Element, Package, attribute, child, local, parse_xml, properties
from tasks.extract.sheets import add_sheet

_GONE = {"tracked-changes", "annotation", "annotation-end", "forms", "bookmark", "sequence-decls", "desc", "title"}
_MOST_REPEATS = 1_000  # a sheet's last rows and columns repeat to the end of its world
_CELL = 64  # bytes that one takes beside its text


def read_opendocument(package: Package) -> Converted:
    """The text of an .odt, .ods or .odp file.

    Raises:
        EncryptedDocument: it needs a password.
        BrokenDocument: its content cannot be parsed.
        EmptyDocument: there are only pictures on its slides.
        OversizedDocument: its tables repeat cells to more bytes than the package may inflate to.
    """
    manifest = package.xml("META-INF/manifest.xml")
    if manifest is not None and any(local(element) == "encryption-data" for element in manifest.iter()):
        raise EncryptedDocument("the document needs a password", "Store a copy without a password.")
    content, styles, meta = (package.xml(f"{part}.xml") for part in ("content", "styles", "meta"))
    return _read(content, styles, meta, package.max_bytes)


def read_flat(data: bytes, max_bytes: int) -> Converted:
    """The text of a .fodt, .fods or .fodp file, which is one XML file.

    Args:
        data: the file.
        max_bytes: most bytes that its tables may repeat cells to.

    Raises:
        BrokenDocument, EmptyDocument, OversizedDocument: as above.
    """
    root = parse_xml(data)
    return _read(root, root, child(root, "meta"), max_bytes)


def _read(content: Element | None, styles: Element | None, meta: Element | None, max_bytes: int) -> Converted:
    body = child(content, "body")
    if body is None:
        raise BrokenDocument("an OpenDocument file whose content cannot be parsed", "Is it complete? Store it again.")
    reader = _Reader(_titles(content) | _titles(styles), max_bytes)
    for part in body:
        reader.add(part)
    reader.add_notes()
    if reader.out.is_empty:
        raise EmptyDocument("there is no text in it", "Pictures of text need OCR first.")
    found = properties(meta)
    title = reader.title or clean_title(found.get("title"))
    found.pop("title", None)
    return reader.out.converted(title, dict(found))


def _titles(root: Element | None) -> set[str]:
    """Names of the styles that are or follow the one called Title."""
    found = {"Title"}
    for style in root.iter("{*}style") if root is not None else ():
        if attribute(style, "parent-style-name") == "Title":
            found.add(attribute(style, "name") or "")
    return found


class _Reader:
    """Walks through a document."""

    def __init__(self, title_styles: set[str], max_bytes: int) -> None:
        self._most = max_bytes
        self._repeated = 0  # bytes of cells that are there only as others are repeated
        self.out = Blocks()
        self.title: str | None = None
        self._title_styles = title_styles
        self._notes: list[str] = []
        self._frames: list[Element] = []
        self._slides = 0

    def add(self, parent: Element, depth: int = -1) -> None:
        """Add what an element holds; `depth` is that of the list around it, -1 outside of lists."""
        for element in parent:
            name = local(element)
            if name in _GONE:
                continue
            if name == "h":
                level = attribute(element, "outline-level") or "1"
                self.out.heading(int(level) if level.isdigit() else 1, self._words(element))
            elif name == "p":
                self._paragraph(element, depth)
            elif name == "list":
                self.add(element, depth + 1)
            elif name == "table":
                self._table(element, sheet=local(parent) == "spreadsheet")
            elif name == "page":
                self._slide(element)
            elif name == "notes":
                self._speaker_notes(element)
            else:
                self.add(element, depth)
            frames, self._frames = self._frames, []
            for frame in frames:
                self.add(frame)

    def _paragraph(self, element: Element, depth: int) -> None:
        text = self._words(element)
        if attribute(element, "style-name") in self._title_styles and text.strip():
            self.title = self.title or one_line(text)
            self.out.heading(1, text)
        elif depth >= 0:
            self.out.item(depth, "-", text)
        else:
            self.out.paragraph(text)

    def _words(self, element: Element) -> str:
        parts = [element.text or ""]
        for inner in element:
            name = local(inner)
            if name == "s":
                parts.append(" ")
            elif name == "tab":
                parts.append("\t")
            elif name == "line-break":
                parts.append("\n")
            elif name == "note":
                body = child(inner, "note-body")
                self._notes.append(one_line(" ".join(self._words(p) for p in body)) if body is not None else "")
                parts.append(f"[{len(self._notes)}]")
            elif name in ("frame", "custom-shape"):
                self._frames.append(inner)
            elif name == "ruby-text":
                pass
            elif name not in _GONE:
                parts.append(self._words(inner))
            parts.append(inner.tail or "")
        return "".join(parts)

    def _table(self, table: Element, sheet: bool) -> None:
        rows: list[list[str]] = []
        for row in table.iter("{*}table-row"):
            cells = self._cells(row)
            times = min(_repeats(row, "rows"), _MOST_REPEATS) if cells else 1
            self._repeat(times, sum(map(len, cells)) + len(cells) * _CELL)
            rows += [cells] * times
        if sheet:
            add_sheet(self.out, attribute(table, "name") or "", rows)
        else:
            self.out.table(rows)

    def _cells(self, row: Element) -> list[str]:
        cells: list[str] = []
        for cell in row:
            if local(cell) in ("table-cell", "covered-table-cell"):
                text = " ".join(self._words(p) for p in cell.iter("{*}p", "{*}h") if not _within(p, cell, "annotation"))
                times = min(_repeats(cell, "columns"), _MOST_REPEATS)
                self._repeat(times if text else 1, len(text) + _CELL)
                cells += [text] * times
        while cells and not cells[-1]:
            cells.pop()
        return cells

    def _repeat(self, times: int, size: int) -> None:
        """Note that cells of so many bytes come so often."""
        self._repeated += max(times - 1, 0) * size
        if self._repeated > self._most:
            raise OversizedDocument(
                f"its tables repeat cells to more than {self._most:,} bytes",
                "Raise `extraction.max_bytes` if it is to be trusted.",
            )

    def _slide(self, page: Element) -> None:
        self._slides += 1
        title = next((f for f in page.iter("{*}frame") if attribute(f, "class") == "title"), None)
        words = " ".join(self._words(p) for p in title.iter("{*}p")) if title is not None else ""
        if words.strip():
            self.out.heading(1, words)
        else:
            self.out.heading(1, f"Slide {self._slides}", made_up=True)
        for element in page:
            if element is not title and local(element) not in _GONE:
                if local(element) == "notes":
                    self._speaker_notes(element)
                else:
                    self.add(element)

    def _speaker_notes(self, notes: Element) -> None:
        texts = [text for p in notes.iter("{*}p") if (text := self._words(p)).strip()]
        if texts:
            self.out.paragraph("Notes: " + "\n".join(texts))

    def add_notes(self) -> None:
        """Foot- and endnotes, in their order."""
        for number, text in enumerate(self._notes, 1):
            self.out.paragraph(f"[{number}] {text}")


def _repeats(element: Element, what: str) -> int:
    times = attribute(element, f"number-{what}-repeated") or "1"
    return int(times) if times.isdigit() else 1


def _within(element: Element, outer: Element, name: str) -> bool:
    return any(local(above) == name for above in element.iterancestors() if above is not outer)
