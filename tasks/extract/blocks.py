"""Blocks of a document put into Markdown that shows its structure and leaves its words as they stand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tasks.errors import OversizedDocument
from tasks.sources.mailbox import Attached

_STRUCTURE = re.compile(
    r"^ {0,3}(?:#{1,6}(?:[ \t]|$)|```|~~~|<(?:script|pre|style|textarea|!|\?))|\n {0,3}(?:=+|-+)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_EMPTY = 4_000_000  # cells that a table is filled up to, however few there are
_SPARSEST = 8  # cells to fill up to for each one that is there
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Converted:
    """What a reader makes of a file.

    Attributes:
        text: Markdown or plain text, as `kind` says.
        title: as the format has it apart from the text, or None.
        kind: text, markdown, rst, or code:<language>.
        metadata: the document's properties by name: author, created, modified, subject, keywords, and the like.
        pages: where each page begins, in characters of `text`; empty where the format knows no pages.
        confidence: how sure OCR is of what it read, from 0 to 1; None where it read nothing.
        attached: files that come with it, each a document of its own.
        times: of subtitles, from when to when each line is shown, in milliseconds.
    """

    text: str
    title: str | None = None
    kind: str = "markdown"
    metadata: dict[str, object] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    confidence: float | None = None
    attached: tuple[Attached, ...] = ()
    times: tuple[tuple[int, int], ...] = ()


class Blocks:
    """Collects a document's blocks in reading order."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._list = -1  # the block that is a list to which items are added
        self._structured = False
        self._words = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing but headings made up here came in."""
        return not self._words

    def heading(self, level: int, text: str, made_up: bool = False) -> None:
        """A heading, levels from 1; one that is `made_up` (a slide's number) is no text of the document."""
        if text := one_line(text):
            self._structured = True
            self._words |= not made_up
            self._blocks.append(f"{'#' * min(max(level, 1), 6)} {text}")

    def paragraph(self, text: str) -> None:
        """A paragraph. One whose words would be read as structure (`# x`) is indented, which keeps them as they are."""
        text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip()).strip()
        if text:
            self._words = True
            self._blocks.append("    " + text.replace("\n", "\n    ") if _STRUCTURE.search(text) else text)

    def item(self, depth: int, mark: str, text: str) -> None:
        """An item of a list; follows the one before it without a blank line.

        Args:
            depth: 0 for the outermost list.
            mark: `-`, or the number as it is shown.
            text: of the item.
        """
        text = one_line(text)
        if not text:
            return
        self._words = True
        line = f"{'  ' * depth}{mark} {text}"
        if self._blocks and self._list == len(self._blocks) - 1:
            self._blocks[-1] += f"\n{line}"
        else:
            self._list = len(self._blocks)
            self._blocks.append(line)

    def code(self, text: str, language: str = "") -> None:
        """Lines that stay as they are, fenced."""
        text = text.strip("\n")
        if text.strip():
            self._words = self._structured = True
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"^ *(`{3,})", text, re.MULTILINE)), 3)
            self._blocks.append(f"{fence}{language}\n{text}\n{fence}")

    def markdown(self, text: str) -> None:
        """A part that is Markdown already."""
        if text.strip():
            self._words = self._structured = True
            self._blocks.append(text.strip("\n"))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """A table whose first row says what its columns are; columns and rows without any word are left out.

        Raises:
            OversizedDocument: filled up to its longest row, it would be nothing but empty cells.
        """
        kept = _without_empty([[one_line(cell) for cell in row] for row in rows])
        if not kept:
            return
        if len(kept[0]) == 1:
            for (cell,) in kept:
                self.paragraph(cell)
            return
        self._words = self._structured = True
        header = table_row(kept[0])
        self._blocks.append("\n".join([header, line_below(header), *map(table_row, kept[1:])]))

    def text(self) -> str:
        """The whole text, a blank line between blocks."""
        return "\n\n".join(self._blocks)

    def converted(self, title: str | None = None, metadata: dict[str, object] | None = None) -> Converted:
        """The document: plain text where it has no structure, so that nothing in it is taken for one."""
        if not self._structured:
            plain = "\n\n".join(re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in self._blocks)
            return Converted(plain, title, "text", metadata or {})
        return Converted(self.text(), title, "markdown", metadata or {})


def one_line(text: str) -> str:
    """The text on one line, with single spaces."""
    return _SPACES.sub(" ", text).strip()


def table_row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def line_below(header: str) -> str:
    """The line between a Markdown table's header row and the others; a cell may hold the sign between cells itself."""
    return "|" + " --- |" * (header.count("|") - 1)


def _without_empty(rows: list[list[str]]) -> list[list[str]]:
    rows = [row for row in rows if any(row)]
    used = sorted({i for row in rows for i, cell in enumerate(row) if cell})
    cells, there = len(rows) * len(used), sum(map(len, rows))
    if cells > max(_MOST_EMPTY, _SPARSEST * there):
        raise OversizedDocument(
            f"a table in it has {len(rows):,} rows and {len(used):,} columns, and {there:,} cells",
            "Store it as CSV, or leave it out with `exclude`.",
        )
    return [[row[i] if i < len(row) else "" for i in used] for row in rows]


_FILE_NAME = re.compile(
    r"[^\n]*\.(?:docx?|dotx?|rtf|odt|pdf|pptx?|xlsx?|tex|dvi|ps|eps|txt|html?|indd|qxd|wpd|p65|cdr|tmp)", re.I
)
_MADE_BY = re.compile(r"^(?:Microsoft (?:Office )?(?:Word|PowerPoint|Excel|Outlook)|Word|PowerPoint)\s*[-–]\s*", re.I)
_NO_TITLE = re.compile(
    r"(?:untitled(?: document| presentation| spreadsheet)?"
    r"|unbenannt|sans titre|no title|title|titre|titel|powerpoint[ -]pr[eéä]sentation|word document"
    r"|(?:document|dokument|presentation|präsentation|book|mappe|slide|folie|page|scan|print|diapositive)[ _-]?\d*"
    r"|(?:img|scan|doc|dsc)[_-]?\d+|[\W\d_]*|(?:file|https?)://\S*|about:blank|\(anonymous\)|none|null|temp|fulltext)",
    re.I,
)


def clean_title(title: object) -> str | None:
    """A title as a document's properties have it, or None where it is none: a file's name, a template's word."""
    if not isinstance(title, str):
        return None
    text = _MADE_BY.sub("", one_line(title.replace("\0", "")))
    if not text or _FILE_NAME.fullmatch(text) or _NO_TITLE.fullmatch(text) or "\ufffd" in text:
        return None
    return text
