"""Where tables stand on a PDF page: between rules, and where rows of cells stand apart in columns.

A table becomes one `Line` in place of those that it is made of, which has the table's cells. Where it cannot be told
safely, lines stay as they are: cells of a row then stand beside each other on one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from tasks.extract.pdf_cells import text_rows
from tasks.extract.pdf_page import Line, Table
from tasks.extract.pdf_rules import Rule
from tasks.extract.pdf_table import aligned_table, ruled_table

_SHORTEST = 40.0  # points of a table's rule
_OVER = 12.0  # points by which words may reach over the ends of a rule
_SAME = 4.0  # points by which ends of rules that belong together may differ
_NEAR = 1.6  # times a line's height: the most between a rule and what stands at it

Rows = list[list[Line]]


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
        table = ruled_table(inside, [rule.at for rule in rules], parts, [x for x in within if left + 2 < x < right - 2])
        if table is not None:
            rows = _in_place(rows, inside, table)
    return rows


def with_aligned_tables(rows: Rows) -> Rows:
    """The rows of a column of text with a single line for each table without rules that is told safely."""
    found: Rows = []
    run: Rows = []
    for row in [*rows, None]:
        if row is not None and len(row) > 1 and (not run or _follows(run[-1], row)):
            run.append(row)
            continue
        table = aligned_table(run)
        found += [[_line([line for row in run for line in row], table)]] if table is not None else run
        run = []
        if row is not None and len(row) > 1:
            run.append(row)
        elif row is not None:
            found.append(row)
    return found


def _follows(above: list[Line], row: list[Line]) -> bool:
    step = above[0].foot - row[0].foot
    return 0 < step < 3 * max(row[0].size, row[0].top - row[0].bottom)


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
    grouped = list(text_rows(lines))
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


def _line(lines: Sequence[Line], table: Table) -> Line:
    text = " ".join(cell for row in (table.names, *table.rows) for cell in row if cell)
    return replace(
        lines[0], text=text, left=min(line.left for line in lines), right=max(line.right for line in lines),
        bottom=min(line.bottom for line in lines), top=max(line.top for line in lines),
        foot=min(line.foot for line in lines), bold=False, fixed=False, alone=False, cells=table, words=[],
    )  # fmt: skip
