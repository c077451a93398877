"""Tables out of lines of a PDF page: their cells, the names of their columns, and their Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from tasks.extract.blocks import line_below, one_line, table_row
from tasks.extract.pdf_cells import (
    Piece,
    Place,
    Row,
    apart,
    cells_of,
    places_of,
    row_of,
    slots_of,
    text_rows,
)
from tasks.extract.pdf_page import Line, Table

_SAME = 4.0  # points by which ends of rules that belong together may differ
_FEWEST_ROWS = 3  # of a table without rules
_FEWEST_COLUMNS = 3  # of a table without rules; two may be a list or a formula with its number
_FILLED = 0.6  # share of its cells
_TALLEST_HEAD = 4  # lines of the names of columns
_MOST_OVER = 0.3  # share of a table's rows in which a cell may reach over several columns
_MARK = re.compile(r"[•‣◦▪▫●○■□–—·*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_LEADERS = re.compile(r"(?:[.·…_] ?){4,}")
_SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?")
_NUMBER = re.compile(r"[-+−±(<>≤≥~]*[$€£]?[\d.,' ]*\d[\d.,']*(?:[eE][-+−]?\d+)?\s?[%)*†‡a-z]{0,3}")


def ruled_table(lines: list[Line], rules: list[float], parts: list[float], steep: list[float]) -> Table | None:
    """The table that some lines make, by rules from top to bottom and those between columns; None where it is none."""
    rows = list(text_rows(lines, steep))
    bands = _grouped(rows, rules)
    under = sum(map(len, bands[:1])) if len(bands) > 1 and 0 < len(bands[0]) <= _TALLEST_HEAD else 0
    body = [row for row in rows[under:] if len(row.pieces) > 1]
    steep = apart(steep)
    slots = (
        steep if len(steep) > 1 or (steep and len(body) < _FEWEST_ROWS) else sorted({*steep, *slots_of(body or rows)})
    )
    if not slots or len(rows) < 2:
        return None
    over = sum(_reaches_over(row, slots) for row in rows[under:])
    if not steep and (_is_list(rows, slots) or over > (_MOST_OVER if len(slots) > 1 else _MOST_OVER / 3) * len(rows)):
        return None
    grid = _grouped(rows[under:], sorted({*rules, *parts}, reverse=True))
    cells = [_head(rows[:under], rows[under:], slots, steep)] if under else []
    for band in grid:
        found = [cells_of(row, slots) for row in band]
        cells += [_merged(found)] if steep and len(grid) > 1 and _is_one_row(found) else _without_wraps(found)
    columns = len(slots) + 1
    filled = sum(map(bool, (cell for row in cells for cell in row)))
    if len(cells) < 2 or filled < 0.4 * columns * len(cells) or not (steep or _may_be(cells)):
        return None
    has_names = bool(under) or _names_columns(rows, cells)
    return _table(cells, has_names, places_of(rows[under:], slots), bool(under) and not steep)


def aligned_table(run: Sequence[Sequence[Line]]) -> Table | None:
    """The table that rows of several lines each make without rules; None where it is none, or cannot be told safely.

    It has at least three columns, each with a name but perhaps the first, and at least three rows.
    """
    many = [row for row in run if len(row) >= _FEWEST_COLUMNS]
    lines = [line for row in run for line in row]
    if (
        len(many) < _FEWEST_ROWS or len(many) < 0.6 * len(run) or any(line.cells for line in lines)
        or sum(line.fixed for line in lines) * 2 > len(lines) or any(_LEADERS.search(line.text) for line in lines)
    ):  # fmt: skip
        return None
    rows = [row_of(row, [Piece(line.text, line.left, line.right) for line in row]) for row in run]
    slots = slots_of(rows)
    cells = [cells_of(row, slots) for row in rows]
    shared = any(sum(map(bool, row)) < len(of.pieces) for row, of in zip(cells, rows, strict=True))
    filled = sum(bool(cell) for row in cells for cell in row)
    if (
        len(slots) + 1 < _FEWEST_COLUMNS or shared or filled < _FILLED * len(cells) * len(cells[0])
        or not _may_be(cells)
    ):  # fmt: skip
        return None
    if not _names_columns(rows, cells) or sum(map(bool, cells[0])) < len(cells[0]) - 1:
        return None
    return _table(cells, True, places_of(rows, slots), False)


def _may_be(cells: list[list[str]]) -> bool:
    """Whether cells are those of a table, not of a list, of formulas, or of a table of contents."""
    columns = list(zip(*cells, strict=True))
    if any(not any(c.isalnum() for c in "".join(column)) for column in columns):
        return False
    pages = [int(cell) for cell in columns[-1] if cell.isdigit()]
    rising = len(pages) >= 0.6 * len(cells) and all(a <= b for a, b in pairwise(pages))
    return not (rising and sum(bool(_SECTION.fullmatch(cell)) for cell in columns[0] if cell) * 2 >= len(cells))


def _is_list(rows: Sequence[Row], slots: Sequence[float]) -> bool:
    """Whether what stands in the first of two columns are the marks of a list's items."""
    first = [cells[0] for cells in (cells_of(row, slots) for row in rows) if cells[0]]
    return len(slots) == 1 and sum(bool(_MARK.fullmatch(cell)) for cell in first) > 0.4 * len(first)


def _reaches_over(row: Row, slots: Sequence[float]) -> bool:
    return any(piece.left + 5 < slot < piece.right - 5 for piece in row.pieces for slot in slots)


def _table(cells: list[list[str]], has_names: bool, places: Sequence[Place], sure: bool) -> Table:
    """Cells as a table, without columns that are empty."""
    cells = [[one_line(cell.replace("\x02", "-")) for cell in row] for row in cells]
    used = [any(column) for column in zip(*cells, strict=True)]
    cells = [[cell for cell, some in zip(row, used, strict=True) if some] for row in cells]
    names = cells[0] if has_names else [""] * len(cells[0])
    return Table(tuple(names), [tuple(row) for row in cells[has_names:]], tuple(places), sure)


def _names_columns(rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> bool:
    """Whether a first row that no rule sets apart says what the columns are: it alone is bold, or there are words above
    numbers."""
    if rows[0].bold:
        return not all(row.bold for row in rows)
    numeric = [sum(map(_is_number, column)) * 2 > len(column) for column in zip(*cells[1:], strict=True)]
    return any(numeric) and not any(_is_number(cell) and yes for cell, yes in zip(cells[0], numeric, strict=True))


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _head(rows: Sequence[Row], body: Sequence[Row], slots: Sequence[float], steep: Sequence[float]) -> list[str]:
    """The names of columns: those between rules, or those above their cells."""
    return _merged([cells_of(row, slots) for row in rows]) if len(steep) == len(slots) else _names(rows, body, slots)


def _names(rows: Sequence[Row], body: Sequence[Row], slots: Sequence[float]) -> list[str]:
    """The names of columns that some rows tell: each stands over its column's cells, or over several columns."""
    places = places_of(body, slots)
    parts: list[list[str]] = [[] for _ in places]
    for piece in (piece for row in rows for piece in row.pieces):
        over = [
            column for column, (left, right) in enumerate(places)
            if min(right, piece.right) - max(left, piece.left) >= 0.5 * min(right - left, piece.right - piece.left) > 0
        ]  # fmt: skip
        middle = (piece.left + piece.right) / 2
        for column in over or [sum(slot < middle for slot in slots)]:
            parts[column].append(piece.text)
    return [_joined_cell(column) for column in parts]


def _grouped(rows: Sequence[Row], rules: Sequence[float]) -> list[list[Row]]:
    """Rows between rules, which are given from top to bottom; without empty bands."""
    bands: list[list[Row]] = [[] for _ in range(len(rules) + 1)]
    for row in rows:
        bands[sum(rule > (row.top + row.bottom) / 2 for rule in rules)].append(row)
    return [band for band in bands if band]


def _is_one_row(rows: Sequence[list[str]]) -> bool:
    """Whether rows between two rules are lines of the same cells: only one is begun, or fewer cells have more lines."""
    begun = sum(bool(row[0]) and any(row[1:]) for row in rows)
    filled = [sum(map(bool, row)) for row in rows]
    return begun <= 1 or min(filled) < 0.75 * max(filled)


def _without_wraps(rows: Sequence[list[str]]) -> Iterator[list[str]]:
    """Rows without those that only go on with cells of the row above: nothing stands in their first column, and little
    in the others."""
    begun: list[list[str]] = []
    for row in rows:
        goes_on = begun and not row[0] and sum(map(bool, row)) <= len(row) // 2 and any(begun[-1])
        if begun and not goes_on:
            yield _merged(begun)
            begun = []
        begun.append(row)
    if begun:
        yield _merged(begun)


def _merged(rows: Sequence[list[str]]) -> list[str]:
    return [_joined_cell(column) for column in zip(*rows, strict=True)]


def _joined_cell(parts: Sequence[str]) -> str:
    """Lines of a cell as one; a word that a hyphen cuts is whole again."""
    text = ""
    for part in filter(None, parts):
        cut = text.endswith("\x02") or (text.endswith("-") and part[0].islower())
        text = text[:-1] + part if cut else f"{text} {part}" if text else part
    return text.replace("\x02", "-")


def as_markdown(table: Table) -> str:
    """The table; without its head where it goes on from the page before."""
    header = table_row(table.names)
    head = [] if table.goes_on else [header, line_below(header)]
    return "\n".join([*head, *map(table_row, table.rows)])


def joined_over_pages(above: Table, table: Table) -> Table:
    """The table at the top of a page as the rest of the one that ends the page before, if its columns are that one's.

    Names that are repeated are left out; others are a row, unless a rule says that they are names.
    """
    if len(above.places) != len(table.places) or not all(map(_same_place, above.places, table.places)):
        return table
    if table.names == above.names or not any(table.names):
        return replace(table, goes_on=True)
    return table if table.sure else replace(table, names=above.names, rows=[table.names, *table.rows], goes_on=True)


def _same_place(one: Place, other: Place) -> bool:
    return abs(one[0] - other[0]) < _SAME or abs(one[1] - other[1]) < _SAME
