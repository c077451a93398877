"""Spreadsheets into Markdown: a heading for each sheet, a table under it whose first row names the columns."""

import io
import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from lxml import etree

from tasks.errors import OversizedDocument
from tasks.extract.blocks import Blocks, Converted, clean_title
from tasks.extract.drawings import chart_of, words_of
from tasks.extract.package import Element, Package, attribute, child, children, local, properties

_DATES = {14: "d", 15: "d", 16: "d", 17: "d", 18: "t", 19: "t", 20: "t", 21: "t", 22: "dt", 45: "t", 46: "e", 47: "t"}
_DATES |= dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "d")  # of East Asian editions
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?:[^hms\]][^\]]*|\$[^\]]*)\]', re.IGNORECASE)
_TOP = 10  # rows among which the one with the columns' names is
_MOST_COLUMNS = 16_384
_MOST_MISSING = 32_000_000


def add_sheet(blocks: Blocks, name: str, rows: Sequence[Sequence[str]]) -> None:
    """Add a sheet: rows above the table, which have fewer than half its cells, as paragraphs; the others as a table."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return
    blocks.heading(1, name)
    used = [sum(bool(cell.strip()) for cell in row) for row in rows]
    enough = max(used[:_TOP]) / 2
    first = next(i for i, cells in enumerate(used) if cells > min(enough, 1) and cells >= enough)
    for row in rows[:first]:
        blocks.paragraph(" ".join(cell for cell in row if cell.strip()))
    blocks.table(rows[first:])


def read_workbook(package: Package, main: str) -> Converted:
    """An Excel file's sheets in their order, cells as they are typed: text, numbers, dates (ISO 8601), TRUE and FALSE.

    Args:
        package: the file.
        main: name of its main part.
    """
    blocks = Blocks()
    workbook = package.xml(main)
    shared = _shared_texts(package.xml(package.first_related(main, "sharedStrings") or ""))
    formats = _formats(package.xml(package.first_related(main, "styles") or ""))
    setting = child(workbook, "workbookPr")
    since_1904 = setting is not None and attribute(setting, "date1904") in ("1", "true")
    epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
    parts = package.related(main, "sheet")
    for sheet in children(child(workbook, "sheets"), "sheet"):
        part = parts.get(next((v for k, v in sheet.attrib.items() if k.endswith("}id")), ""))
        data = package.read(part) if part else None
        if data is not None and part is not None:
            add_sheet(blocks, attribute(sheet, "name") or "", list(_rows(data, shared, formats, epoch)))
            _add_comments(blocks, package, part)
            _add_drawings(blocks, package, part)
    found = properties(package.xml(package.first_related("", "core-properties") or "docProps/core.xml"))
    return blocks.converted(clean_title(found.pop("title", None)), dict(found))


def _rows(data: bytes, shared: list[str], formats: list[str], epoch: datetime) -> Iterator[list[str]]:
    """The rows of a sheet's part, without holding the whole of it as a tree.

    Raises:
        OversizedDocument: far too many cells are not there, before others that are.
    """
    missing = 0
    try:
        for _, row in etree.iterparse(
            io.BytesIO(data), tag="{*}row", recover=True, huge_tree=True, resolve_entities=False, no_network=True
        ):
            cells: list[str] = []
            for cell in children(row, "c"):
                column = _column(attribute(cell, "r") or "", len(cells))
                cells += [""] * (column - len(cells))
                cells.append(_cell(cell, shared, formats, epoch))
            while cells and not cells[-1]:
                cells.pop()
            missing += max(len(cells) - len(row), 0)
            if missing > _MOST_MISSING:
                raise OversizedDocument(
                    f"a sheet in it has more than {_MOST_MISSING:,} empty cells before others",
                    "Store it as CSV, or leave it out with `exclude`.",
                )
            yield cells
            row.clear()
            while row.getprevious() is not None:
                del row.getparent()[0]
    except etree.XMLSyntaxError:
        return


def _column(reference: str, following: int) -> int:
    """The column from 0 of a cell (`BC7`); the following one where it does not say."""
    column = 0
    for letter in re.match(r"[A-Z]*", reference.upper())[0]:  # type: ignore[index]
        column = column * 26 + ord(letter) - 64
    return max(column - 1, following) if 0 < column <= _MOST_COLUMNS else following


def _cell(cell: Element, shared: list[str], formats: list[str], epoch: datetime) -> str:
    kind = attribute(cell, "t") or "n"
    if kind == "inlineStr":
        return _rich_text(child(cell, "is"))
    holder = child(cell, "v")
    value = (holder.text or "") if holder is not None else ""
    if not value:
        formula = child(cell, "f")
        return f"={formula.text}" if formula is not None and formula.text and holder is None else ""
    if kind == "s":
        return shared[int(value)] if value.isdigit() and int(value) < len(shared) else ""
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    if kind != "n":
        return value  # text of a formula, a date as ISO 8601, an error such as #N/A
    style = attribute(cell, "s") or "0"
    return shown_number(value, formats[int(style)] if style.isdigit() and int(style) < len(formats) else "", epoch)


def shown_number(value: str, form: str, epoch: datetime = datetime(1899, 12, 30)) -> str:
    """A number as its cell shows it: a date or time as ISO 8601, a share in percent, an id with its zeros.

    Args:
        value: as it is stored.
        form: `d`, `t`, `dt` or `e` (a duration), or the format itself.
        epoch: the day 0 of the file's dates.
    """
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return ""
    if form in ("d", "t", "dt", "e"):
        return _shown_date(number, form, epoch) or _plain(number)
    if re.fullmatch(r"0+", form) and number == int(number) and number >= 0:
        return f"{int(number):0{len(form)}d}"
    percent = re.fullmatch(r"0(?:\.(0+))?%", form)
    if percent:
        return f"{number * 100:.{len(percent[1] or '')}f}%"
    return _plain(number)


def _plain(number: float) -> str:
    """A number with the 15 digits that a spreadsheet keeps."""
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def _shown_date(number: float, form: str, epoch: datetime) -> str | None:
    seconds = round(number * 86_400)
    if form == "e":
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if form == "t" and 0 <= seconds < 86_400:
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if number < 60 and epoch.year == 1899:
        seconds += 86_400  # the year 1900 has a 29 February there
    try:
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return None
    if form == "d" or seconds % 86_400 == 0:
        return moment.date().isoformat()
    return moment.isoformat(sep=" ")


def kind_of_format(code: str) -> str:
    """What a number format makes of a number: `d`, `t`, `dt` or `e` for dates, times and durations, else itself."""
    bare = _QUOTED.sub("", code.split(";")[0]).lower()
    if re.search(r"\[[hms]+\]", bare):
        return "e"
    if re.search(r"[#0?]", re.sub(r"\.0+", "", bare)) or bare in ("general", "@"):
        return re.sub(r"[^0.%#]", "", bare)
    day, time = bool(re.search(r"[dy]|m{3,}|e", bare)), bool(re.search(r"[hs]", bare))
    return "dt" if day and time else "d" if day else "t" if time else ""


def _formats(styles: Element | None) -> list[str]:
    """What each cell style makes of a number."""
    own = {
        attribute(f, "numFmtId"): attribute(f, "formatCode") or "" for f in children(child(styles, "numFmts"), "numFmt")
    }
    known = {9: "0%", 10: "0.00%"}
    found = []
    for style in children(child(styles, "cellXfs"), "xf"):
        identity = attribute(style, "numFmtId") or "0"
        number = int(identity) if identity.isdigit() else 0
        found.append(kind_of_format(own[identity]) if identity in own else _DATES.get(number) or known.get(number, ""))
    return found


def _shared_texts(root: Element | None) -> list[str]:
    return [_rich_text(item) for item in children(root, "si")]


def _rich_text(item: Element | None) -> str:
    """A text in runs, without what is only the sound of its signs."""
    if item is None:
        return ""
    parts = []
    for element in item:
        if local(element) == "t":
            parts.append(element.text or "")
        elif local(element) == "r":
            parts += [t.text or "" for t in children(element, "t")]
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), "".join(parts))


def _add_comments(blocks: Blocks, package: Package, part: str) -> None:
    """The notes at cells, each with the cell that it belongs to."""
    root = package.xml(package.first_related(part, "comments") or "")
    for comment in children(child(root, "commentList"), "comment"):
        text = _rich_text(child(comment, "text"))
        if text.strip():
            blocks.paragraph(f"{attribute(comment, 'ref')}: {' '.join(text.split())}")


def _add_drawings(blocks: Blocks, package: Package, part: str) -> None:
    """The words of a sheet's shapes and diagrams, and its charts' titles; the numbers stand in cells."""
    name = package.first_related(part, "drawing")
    drawing = package.xml(name or "")
    if name is None or drawing is None:
        return
    shown = [text for body in drawing.iter("{*}txBody") for text in words_of(body)]
    shown += [
        text for diagram in package.related(name, "diagramData").values() for text in words_of(package.xml(diagram))
    ]
    shown += [chart_of(package.xml(chart))[0] for chart in package.related(name, "chart").values()]
    for text in shown:
        blocks.paragraph(text)
