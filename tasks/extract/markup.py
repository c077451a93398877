"""A tree of HTML into Markdown that reads as plain text: structure is kept, marks within a line are not.

Headings, lists, tables, quotations and preformatted text get Markdown's marks; bold, links and code within a line
stand as their words. No library does that: markdownify and html-to-markdown keep the marks within words, and neither
knows definition lists. The walk is by events, so that no depth of elements ends it.
"""

import re
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

from tasks.extract.elements import BLOCKS, VERBATIM, first_number, heading_level, holds_data, language_named

_LISTS = ("ul", "ol", "menu", "dir")
_DEEPEST_ITEM = 12  # lists within each other that are indented
_SPACES = re.compile(r"[ \t\n\r\f]+")
_AROUND_BREAK = re.compile(r"[^\S\n]*\n[^\S\n]*")
_LOOKS_LIKE_MARKUP = re.compile(r"^(?=#{1,6}\s|```|~~~|(?:=+|-+)\s*$|>\s)", re.MULTILINE)
_HEADING = re.compile(r"#{1,6} ")


def to_markdown(root: HtmlElement) -> str:
    """The text of an element and all in it."""
    writer = _Writer()
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            writer.begin(element)
        else:
            writer.finish(element)
            if element is not root and element.tail:
                writer.words(element.tail)
    writer.flush()
    return writer.text()


def one_line(text: str) -> str:
    """The text with single spaces for white space of any kind."""
    return " ".join(text.replace("\xad", "").split())


@dataclass(slots=True)
class _Item:
    """A list's item or a quotation that blocks stand in: what its first line begins with, and its other lines."""

    first: str
    rest: str
    used: bool = False


@dataclass(slots=True)
class _Table:
    """A table whose rows are being read."""

    rows: list[tuple[list[str], bool]] = field(default_factory=list)
    """Cells, and whether it is a row of headings."""


class _Writer:
    """Puts blocks after each other as the elements come."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._line: list[str] = []  # of the block that is begun
        self._items: list[_Item] = []
        self._numbers: list[int | None] = []  # of the lists around: the next item's, or None where they have none
        self._glue = False  # whether the next block follows without a blank line, as it belongs to the one before
        self._definition = False  # whether the next block is the first of a definition
        self._after_item = False  # whether the last block is text of a list's item
        self._whole: etree._Element | None = None  # a heading or term, which is one line whatever is in it
        self._verbatim: etree._Element | None = None
        self._tables: list[_Table | None] = []  # None for one that only lays out a page

    def text(self) -> str:
        return "".join(self._out)

    def words(self, text: str) -> None:
        if self._verbatim is not None:
            self._line.append(text)
        elif text:
            self._line.append(_SPACES.sub(" ", text))

    def begin(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._line.append("\n")
        elif tag == "q":
            self._line.append('"')
        elif tag in BLOCKS or element.get("role") == "heading":
            if self._verbatim is not None:
                self._line.append("" if "".join(self._line[-1:]).endswith("\n") else "\n")
            elif self._whole is not None or self._in_cell():
                self._line.append(" ")
                if tag == "tr" and self._whole is None:
                    self._begin_row(element)
            else:
                self.flush()
                self._open(element, tag)
        if element.text:
            self.words(element.text)

    def finish(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "q":
            self._line.append('"')
        if self._verbatim is not None:
            if element is self._verbatim:
                self._end_verbatim(element)
        elif self._whole is not None:
            if element is self._whole:
                self._end_whole(element)
            elif tag in BLOCKS:
                self._line.append(" ")
        elif tag in BLOCKS:
            if self._in_cell() and tag != "table":
                self._end_of_cell(tag)
            else:
                self._close(tag)

    def flush(self) -> None:
        """End the paragraph that is begun."""
        text = _AROUND_BREAK.sub("\n", "".join(self._line)).replace("\xad", "").strip()
        self._line.clear()
        if text:
            self._emit(_escaped(text))

    def _open(self, element: HtmlElement, tag: str) -> None:
        if tag in VERBATIM:
            self._verbatim = element
        elif tag == "dt" or heading_level(element):
            self._whole = element
        elif tag in _LISTS:
            self._numbers.append(first_number(element) if tag == "ol" else None)
        elif tag == "li":
            self._items.append(self._new_item(element))
        elif tag == "blockquote":
            self._items.append(_Item("> ", "> "))
        elif tag == "dd":
            self._definition = self._glue
        elif tag == "table":
            self._tables.append(_Table() if holds_data(element) else None)

    def _close(self, tag: str) -> None:
        self.flush()
        if tag == "dd":
            self._glue = self._definition = False
        elif tag in _LISTS and self._numbers:
            self._numbers.pop()
            self._after_item = self._after_item and bool(self._numbers)
        elif tag in ("li", "blockquote") and self._items:
            self._items.pop()
        elif tag == "table":
            table = self._tables.pop()
            if table is not None:
                self._emit_table(table)

    def _end_whole(self, element: HtmlElement) -> None:
        self._whole = None
        text, level = one_line("".join(self._line)), heading_level(element)
        self._line.clear()
        if text:
            self._emit(f"{'#' * level} {text}" if level else _escaped(text))
            self._glue = not level

    def _new_item(self, element: HtmlElement) -> _Item:
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return _Item("- ", "  ")
        given = element.get("value") or ""
        number = int(given) if given.isdecimal() and len(given) < 9 else number
        self._numbers[-1] = number + 1
        return _Item(f"{number}. ", " " * (len(str(number)) + 2))

    def _emit(self, block: str) -> None:
        """Put a block after those before it, with the marks of the items that it stands in."""
        heading = _HEADING.match(block) is not None
        if self._definition and not heading:
            block, self._definition = block if _is_special(block) else f": {block}", False
        items = [] if heading else self._items[-_DEEPEST_ITEM:]  # a heading within an item would be none
        begins = any(not item.used for item in items)
        first = "".join(item.rest if item.used else item.first for item in items)
        rest = "".join(item.rest for item in items)
        for item in self._items:
            item.used = True
            if heading:
                item.first = item.rest = ""
        lines = block.split("\n")
        text = "\n".join([first + lines[0], *((rest + line).rstrip() for line in lines[1:])])
        if self._out:
            tight = self._glue or (begins and self._after_item)
            self._out.append("\n" if tight and not heading else "\n\n")
        self._out.append(text)
        self._glue = False
        self._after_item = bool(items) and not _is_special(block)

    def _end_verbatim(self, element: HtmlElement) -> None:
        self._verbatim = None
        text = "".join(self._line).expandtabs(8).replace("\r", "").strip("\n")
        self._line.clear()
        if text.strip():
            self._emit(_fenced(text.rstrip(), language_named(element)))

    def _in_cell(self) -> bool:
        """Whether the text goes into a table of data."""
        return bool(self._tables) and self._tables[-1] is not None

    def _begin_row(self, element: HtmlElement) -> None:
        table = self._tables[-1]
        assert table is not None
        cells = [child.tag for child in element if child.tag in ("td", "th")]
        self._line.clear()
        parent = element.getparent()
        heading = bool(cells) and (all(tag == "th" for tag in cells) or (parent is not None and parent.tag == "thead"))
        table.rows.append(([], heading))

    def _end_of_cell(self, tag: str) -> None:
        table = self._tables[-1]
        assert table is not None
        if tag in ("td", "th"):
            if not table.rows:
                table.rows.append(([], False))
            table.rows[-1][0].append(one_line("".join(self._line)).replace("|", "\\|"))
            self._line.clear()
        elif tag == "caption":
            caption = one_line("".join(self._line))
            self._line.clear()
            if caption:
                self._emit(caption)
        else:
            self._line.append(" ")

    def _emit_table(self, table: _Table) -> None:
        rows = [(cells, heading) for cells, heading in table.rows if any(cells)]
        if not rows:
            return
        width = max(len(cells) for cells, _ in rows)
        head = rows.pop(0)[0] if rows[0][1] else [""] * width
        lines = [head, ["---"] * width, *(cells for cells, _ in rows)]
        self._emit("\n".join(f"| {' | '.join(cells + [''] * (width - len(cells)))} |" for cells in lines))


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _is_special(block: str) -> bool:
    """Whether a block is code or a table."""
    return block.startswith(("```", "| "))


def _escaped(text: str) -> str:
    """The text of a paragraph with a backslash before what Markdown would take for a heading, quotation or fence."""
    return _LOOKS_LIKE_MARKUP.sub(r"\\", text)
