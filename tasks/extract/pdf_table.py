"""Tables of a PDF page: what stands between rules, and rows of cells that stand apart in columns.

A table becomes one `Line` in place of those that it is made of, which has the table's cells. Where it cannot be told
safely, lines stay as they are: cells of a row then stand beside each other on one line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from tasks.extract.blocks import line_below, one_line, table_row
from tasks.extract.pdf_page import Line, Table
from tasks.extract.pdf_rules import Rule

_SHORTEST = 40.0  # points of a table's rule
_OVER = 12.0  # points by which words may reach over the ends of a rule
_SAME = 4.0  # points by which ends of rules that belong together may differ
_WORD_GAP = 0.45  # times a line's height; wider ones part cells
_CODE_GAP = 0.8  # likewise, where letters have one width
_NEAR = 1.6  # times a line's height: the most between a rule and what stands at it
_FEWEST_ROWS = 3  # of a table without rules
_FEWEST_COLUMNS = 3  # of a table without rules; two may be a list or a formula with its number
_FILLED = 0.6  # share of its cells
_TALLEST_HEAD = 4  # lines of the names of columns
_MOST_OVER = 0.3  # share of a table's rows in which a cell may reach over several columns
_MARK = re.compile(r"[•‣◦▪▫●○■□–—·*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_LEADERS = re.compile(r"(?:[.·…_] ?){4,}")
_SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?")
_NUMBER = re.compile(r"[-+−±(<>≤≥~]*[$€£]?[\d.,' ]*\d[\d.,']*(?:[eE][-+−]?\d+)?\s?[%)*†‡a-z]{0,3}")

Rows = list[list[Line]]
Place = tuple[float, float]  # where a column begins and ends


@dataclass(slots=True)
class _Piece:
    """Words with usual spaces between them."""

    text: str
    left: float
    right: float


@dataclass(slots=True)
class _Row:
    """Pieces beside each other, and where the gaps between them are that are wider than any between words."""

    pieces: list[_Piece]
    top: float
    bottom: float
    gaps: list[tuple[float, float]]


def with_ruled_tables(rows: Rows, flat: Sequence[Rule], steep: Sequence[Rule]) -> Rows:
    """The rows of a page with a single line for each table that rules tell of.

    Args:
        rows: of the page.
        flat, steep: the horizontal and the vertical lines that it draws.
    """
    for rules in _chains([rule for rule in flat if rule.end - rule.start >= _SHORTEST], steep, rows):
        left, right = min(rule.start for rule in rules), max(rule.end for rule in rules)
        inside = _inside(rows, left, right, rules[-1].at, rules[0].at)
        within = [rule.at for rule in steep if _crosses(rule, rules[-1].at, rules[0].at)]
        half = 0.5 * (right - left)
        parts = [
            rule.at for rule in flat
            if rules[-1].at < rule.at < rules[0].at and min(rule.end, right) - max(rule.start, left) > half
        ]  # fmt: skip
        table = _ruled(inside, [rule.at for rule in rules], parts, [x for x in within if left + 2 < x < right - 2])
        if table is not None:
            rows = _in_place(rows, inside, table)
    return rows


def with_aligned_tables(rows: Rows) -> Rows:
    """The rows of a column of text with a single line for each table without rules that is told safely.

    It has at least three columns, each with a name, and at least three rows.
    """
    found: Rows = []
    run: Rows = []
    for row in [*rows, None]:
        if row is not None and len(row) > 1 and (not run or _follows(run[-1], row)):
            run.append(row)
            continue
        found += _aligned(run)
        run = []
        if row is not None and len(row) > 1:
            run.append(row)
        elif row is not None:
            found.append(row)
    return found


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


def as_markdown(table: Table) -> str:
    """The table; without its head where it goes on from the page before."""
    header = table_row(table.names)
    head = [] if table.goes_on else [header, line_below(header)]
    return "\n".join([*head, *map(table_row, table.rows)])


def _follows(above: list[Line], row: list[Line]) -> bool:
    step = above[0].foot - row[0].foot
    return 0 < step < 3 * max(row[0].size, row[0].top - row[0].bottom)


def _aligned(run: Rows) -> Rows:
    """A run of rows with several lines each; as one line where it is a table."""
    many = [row for row in run if len(row) >= _FEWEST_COLUMNS]
    lines = [line for row in run for line in row]
    if (
        len(many) < _FEWEST_ROWS or len(many) < 0.6 * len(run) or any(line.cells for line in lines)
        or sum(line.fixed for line in lines) * 2 > len(lines) or any(_LEADERS.search(line.text) for line in lines)
    ):  # fmt: skip
        return run
    rows = [_row(row, [_Piece(line.text, line.left, line.right) for line in row]) for row in run]
    slots = _slots(rows)
    cells = [_cells(row, slots) for row in rows]
    shared = any(sum(map(bool, row)) < len(of.pieces) for row, of in zip(cells, rows, strict=True))
    filled = sum(bool(cell) for row in cells for cell in row)
    if (
        len(slots) + 1 < _FEWEST_COLUMNS or shared or filled < _FILLED * len(cells) * len(cells[0])
        or not _may_be(cells)
    ):  # fmt: skip
        return run
    table = _table(cells, 1, _extents(rows, slots), False)
    return [[_line(lines, table)]] if sum(map(bool, table.names)) >= len(table.names) - 1 else run


def _may_be(cells: list[list[str]]) -> bool:
    """Whether cells are those of a table, not of a list, of formulas, or of a table of contents."""
    columns = list(zip(*cells, strict=True))
    if any(not any(c.isalnum() for c in "".join(column)) for column in columns):
        return False
    pages = [int(cell) for cell in columns[-1] if cell.isdigit()]
    rising = len(pages) >= 0.6 * len(cells) and all(a <= b for a, b in pairwise(pages))
    return not (rising and sum(bool(_SECTION.fullmatch(cell)) for cell in columns[0] if cell) * 2 >= len(cells))


def _chains(flat: Sequence[Rule], steep: Sequence[Rule], rows: Rows) -> Iterator[list[Rule]]:
    """Rules below each other that begin and end at the same places, with rows of cells between them."""
    left = sorted(flat, key=lambda rule: -rule.at)
    while left:
        top = left.pop(0)
        chain, full = [top], False
        for rule in [rule for rule in left if _alike(rule, top)]:
            kind = _band(rows, chain[-1], rule, steep)
            if kind is None:
                break
            full |= kind
            chain.append(rule)
        if full:
            yield chain
            left = [rule for rule in left if rule.at < chain[-1].at or not _within(rule, top)]


def _alike(one: Rule, other: Rule) -> bool:
    return abs(one.start - other.start) < _SAME and abs(one.end - other.end) < _SAME


def _within(one: Rule, other: Rule) -> bool:
    return one.start > other.start - _SAME and one.end < other.end + _SAME


def _band(rows: Rows, above: Rule, below: Rule, steep: Sequence[Rule]) -> bool | None:
    """Whether cells stand between two rules; None where something else does, or too much of nothing."""
    lines = _inside(rows, above.start, above.end, below.at, above.at)
    if any(line.left < above.start - _OVER or line.right > above.end + _OVER for line in lines) or any(
        below.at < line.foot < above.at and line.left < above.end - _OVER and line.right > above.end + _OVER
        for row in rows
        for line in row
    ):
        return None
    if not lines:
        return False if above.at - below.at < 40 else None
    inner = sum(_crosses(r, below.at, above.at) and above.start + 2 < r.at < above.end - 2 for r in steep)
    grouped = list(_text_rows(lines))
    many = [row for row in grouped if row.gaps]
    if inner:
        return True
    height = median(line.top - line.bottom for line in lines)
    sizes = [line.size for line in lines if line.size]
    if (
        above.at - grouped[0].top > _NEAR * height or grouped[-1].bottom - below.at > _NEAR * height
        or (sizes and max(sizes) > 1.15 * median(sizes))
    ):  # fmt: skip
        return None
    starts = [piece.left for row in many for piece in row.pieces[1:]]
    on = sum(any(abs(row.pieces[0].left - x) < 3 for x in starts) for row in grouped if len(row.pieces) == 1)
    is_code = sum(line.fixed for line in lines) * 2 > len(lines)
    enough = bool(many) and len(many) + on >= 0.5 * len(grouped) and not is_code
    return True if enough else None


def _crosses(rule: Rule, bottom: float, top: float) -> bool:
    """Whether a vertical rule runs along most of a height."""
    return min(rule.end, top) - max(rule.start, bottom) > 0.6 * (top - bottom)


def _inside(rows: Rows, left: float, right: float, bottom: float, top: float) -> list[Line]:
    return [
        line for row in rows for line in row
        if left - _SAME < (line.left + line.right) / 2 < right + _SAME and bottom < (line.bottom + line.top) / 2 < top
        and line.cells is None
    ]  # fmt: skip


def _ruled(lines: list[Line], rules: list[float], parts: list[float], steep: list[float]) -> Table | None:
    """The table that some lines make, by rules from top to bottom and those between columns; None where it is none."""
    rows = list(_text_rows(lines, steep))
    bands = _grouped(rows, rules)
    under = sum(map(len, bands[:1])) if len(bands) > 1 and 0 < len(bands[0]) <= _TALLEST_HEAD else 0
    body = [row for row in rows[under:] if len(row.pieces) > 1]
    steep = _apart(steep)
    slots = steep if len(steep) > 1 or (steep and len(body) < _FEWEST_ROWS) else sorted({*steep, *_slots(body or rows)})
    if not slots or len(rows) < 2:
        return None
    over = sum(_reaches_over(row, slots) for row in rows[under:])
    if not steep and (_is_list(rows, slots) or over > (_MOST_OVER if len(slots) > 1 else _MOST_OVER / 3) * len(rows)):
        return None
    grid = _grouped(rows[under:], sorted({*rules, *parts}, reverse=True))
    cells = [_head(rows[:under], rows[under:], slots, steep)] if under else []
    for band in grid:
        found = [_cells(row, slots) for row in band]
        cells += [_merged(found)] if steep and len(grid) > 1 and _is_one_row(found) else _without_wraps(found)
    columns = len(slots) + 1
    filled = sum(map(bool, (cell for row in cells for cell in row)))
    if len(cells) < 2 or filled < 0.4 * columns * len(cells) or not (steep or _may_be(cells)):
        return None
    return _table(cells, 1, _extents(rows[under:], slots), bool(under) and not steep)


def _is_list(rows: Sequence[_Row], slots: Sequence[float]) -> bool:
    """Whether what stands in the first of two columns are the marks of a list's items."""
    first = [cells[0] for cells in (_cells(row, slots) for row in rows) if cells[0]]
    return len(slots) == 1 and sum(bool(_MARK.fullmatch(cell)) for cell in first) > 0.4 * len(first)


def _reaches_over(row: _Row, slots: Sequence[float]) -> bool:
    return any(piece.left + 5 < slot < piece.right - 5 for piece in row.pieces for slot in slots)


def _apart(places: Sequence[float]) -> list[float]:
    """Places, those of double rules once."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > _SAME:
            found.append(place)
    return found


def _text_rows(lines: Sequence[Line], steep: Sequence[float] = ()) -> Iterator[_Row]:
    """Lines into rows from top to bottom, words that vertical rules part as pieces of their own."""
    row: list[Line] = []
    for line in [*sorted(lines, key=lambda line: -(line.bottom + line.top)), None]:
        if row and (line is None or (line.top + line.bottom) / 2 < row[0].bottom + 0.3 * (row[0].top - row[0].bottom)):
            pieces = [piece for part in sorted(row, key=lambda part: part.left) for piece in _pieces(part, steep)]
            yield _row(row, pieces)
            row = []
        if line is not None:
            row.append(line)


def _row(lines: Sequence[Line], pieces: list[_Piece]) -> _Row:
    beside = pairwise(sorted(lines, key=lambda line: line.left))
    gaps = [(before.right, after.left) for before, after in beside if before.right < after.left]
    return _Row(pieces, max(line.top for line in lines), min(line.bottom for line in lines), gaps)


def _pieces(line: Line, steep: Sequence[float]) -> Iterator[_Piece]:
    """A line's words, apart where the gap between them is wider than a space or a rule stands."""
    words = line.text.split(" ")
    if len(words) != len(line.words):
        yield _Piece(line.text, line.left, line.right)
        return
    gap = (_CODE_GAP if line.fixed else _WORD_GAP) * (line.top - line.bottom)
    begun: _Piece | None = None
    for word, (left, right) in zip(words, line.words, strict=True):
        if begun is not None and left - begun.right < gap and not any(begun.right - 1 < x < left + 1 for x in steep):
            begun.text += f" {word}"
            begun.right = right
            continue
        if begun is not None:
            yield begun
        begun = _Piece(word, left, right)
    if begun is not None:
        yield begun


def _slots(rows: Sequence[_Row]) -> list[float]:
    """The middles of the white stripes that all rows of several pieces leave between columns; if these are fewer than
    the pieces of most rows tell, of those that nearly all leave."""
    rows = [row for row in rows if len(row.pieces) > 1]
    if not rows:
        return []
    usual = median(len(row.pieces) for row in rows)
    found = _wide(_stripes(rows, 0), rows)
    if len(found) + 1 < usual and len(rows) > 5:
        more = _wide(_stripes(rows, len(rows) // 6), rows)
        return more if len(more) + 1 <= usual + 1 else found
    return found


def _wide(slots: Sequence[float], rows: Sequence[_Row]) -> list[float]:
    """Those at which some rows have a gap that no two words of a text have."""
    least = 0.2 * len(rows)
    return [slot for slot in slots if sum(left < slot < right for row in rows for left, right in row.gaps) > least]


def _stripes(rows: Sequence[_Row], tolerated: int) -> list[float]:
    left = min(row.pieces[0].left for row in rows)
    right = max(piece.right for row in rows for piece in row.pieces)
    covered = [0] * (int(right - left) + 3)
    for row in rows:
        for piece in row.pieces:
            for x in range(int(piece.left - left), int(piece.right - left) + 1):
                covered[max(x, 0)] += 1
    found, begun = [], None
    for x, count in enumerate(covered):
        if count <= tolerated:
            begun = x if begun is None else begun
        elif begun is not None:
            if x - begun >= 3 and begun > 0:
                found.append(left + (begun + x) / 2)
            begun = None
    return found


def _cells(row: _Row, slots: Sequence[float]) -> list[str]:
    """A row's pieces by columns; one that reaches over several stands in the first."""
    cells = [""] * (len(slots) + 1)
    for piece in row.pieces:
        column = _column(piece, slots)
        cells[column] += f" {piece.text}" if cells[column] else piece.text
    return cells


def _column(piece: _Piece, slots: Sequence[float]) -> int:
    return sum(slot < piece.left + min(2.0, (piece.right - piece.left) / 2) for slot in slots)


def _head(rows: Sequence[_Row], body: Sequence[_Row], slots: Sequence[float], steep: Sequence[float]) -> list[str]:
    """The names of columns: those between rules, or those above their cells."""
    return _merged([_cells(row, slots) for row in rows]) if len(steep) == len(slots) else _names(rows, body, slots)


def _names(rows: Sequence[_Row], body: Sequence[_Row], slots: Sequence[float]) -> list[str]:
    """The names of columns that some rows tell: each stands over its column's cells, or over several columns."""
    places = _extents(body, slots)
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


def _extents(rows: Sequence[_Row], slots: Sequence[float]) -> list[Place]:
    """Where the cells of each column begin and end."""
    places = [(float("inf"), float("-inf"))] * (len(slots) + 1)
    for piece in (piece for row in rows for piece in row.pieces):
        column = _column(piece, slots)
        places[column] = min(places[column][0], piece.left), max(places[column][1], piece.right)
    return places


def _grouped(rows: Sequence[_Row], rules: Sequence[float]) -> list[list[_Row]]:
    """Rows between rules, which are given from top to bottom; without empty bands."""
    bands: list[list[_Row]] = [[] for _ in range(len(rules) + 1)]
    for row in rows:
        bands[sum(rule > (row.top + row.bottom) / 2 for rule in rules)].append(row)
    return [band for band in bands if band]


def _is_one_row(rows: Sequence[list[str]]) -> bool:
    """Whether rows between two rules are lines of the same cells: only one is begun, or fewer cells have more lines."""
    begun = sum(bool(row[0]) and any(row[1:]) for row in rows)
    filled = [sum(map(bool, row)) for row in rows]
    return begun <= 1 or min(filled) < 0.75 * max(filled)


def _merged(rows: Sequence[list[str]]) -> list[str]:
    return [_joined_cell(column) for column in zip(*rows, strict=True)]


def _joined_cell(parts: Sequence[str]) -> str:
    """Lines of a cell as one; a word that a hyphen cuts is whole again."""
    text = ""
    for part in filter(None, parts):
        cut = text.endswith("\x02") or (text.endswith("-") and part[0].islower())
        text = text[:-1] + part if cut else f"{text} {part}" if text else part
    return text.replace("\x02", "-")


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


def _table(cells: list[list[str]], head: int, places: Sequence[Place], sure: bool) -> Table:
    """Cells as a table; without names of columns where the first row has numbers like those below it."""
    cells = [[one_line(cell.replace("\x02", "-")) for cell in row] for row in cells]
    if not sure:
        below = list(zip(*cells[1:], strict=True))
        numbers = [sum(bool(_NUMBER.fullmatch(cell)) for cell in column) * 2 > len(column) for column in below]
        if any(_NUMBER.fullmatch(cell) and numeric for cell, numeric in zip(cells[0], numbers, strict=True)):
            head = 0
    used = [any(column) for column in zip(*cells, strict=True)]
    cells = [[cell for cell, some in zip(row, used, strict=True) if some] for row in cells]
    names = cells[0] if head else [""] * len(cells[0])
    return Table(tuple(names), [tuple(row) for row in cells[head:]], tuple(places), sure)


def _line(lines: Sequence[Line], table: Table) -> Line:
    text = " ".join(cell for row in (table.names, *table.rows) for cell in row if cell)
    return replace(
        lines[0], text=text, left=min(line.left for line in lines), right=max(line.right for line in lines),
        bottom=min(line.bottom for line in lines), top=max(line.top for line in lines),
        foot=min(line.foot for line in lines), bold=False, fixed=False, alone=False, cells=table, words=[],
    )  # fmt: skip


def _in_place(rows: Rows, lines: Sequence[Line], table: Table) -> Rows:
    """The rows with a table in the place of the first of its lines."""
    gone = set(map(id, lines))
    found: Rows = []
    placed = False
    for row in rows:
        kept = [line for line in row if id(line) not in gone]
        if len(kept) < len(row) and not placed:
            placed = True
            kept = sorted([*kept, _line(lines, table)], key=lambda line: line.left)
        if kept:
            found.append(kept)
    return found
