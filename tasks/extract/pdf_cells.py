"""Words of a PDF page into rows, and rows into columns by the white stripes between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tasks.extract.pdf_page import Line

_SAME = 4.0  # points by which ends of rules that belong together may differ
_WORD_GAP = 0.45  # times a line's height; wider ones part cells
_CODE_GAP = 0.8  # likewise, where letters have one width

Place = tuple[float, float]  # where a column begins and ends


@dataclass(slots=True)
class Piece:
    """Words with usual spaces between them."""

    text: str
    left: float
    right: float


@dataclass(slots=True)
class Row:
    """Pieces beside each other, where the gaps between them are that are wider than any between words, and whether all
    is bold."""

    pieces: list[Piece]
    top: float
    bottom: float
    gaps: list[tuple[float, float]]
    bold: bool


def text_rows(lines: Sequence[Line], steep: Sequence[float] = ()) -> Iterator[Row]:
    """Lines into rows from top to bottom, words that vertical rules part as pieces of their own."""
    row: list[Line] = []
    for line in [*sorted(lines, key=lambda line: -(line.bottom + line.top)), None]:
        if row and (line is None or (line.top + line.bottom) / 2 < row[0].bottom + 0.3 * (row[0].top - row[0].bottom)):
            pieces = [piece for part in sorted(row, key=lambda part: part.left) for piece in _pieces(part, steep)]
            yield row_of(row, pieces)
            row = []
        if line is not None:
            row.append(line)


def row_of(lines: Sequence[Line], pieces: list[Piece]) -> Row:
    """The row that some lines make, which are in the given pieces."""
    beside = pairwise(sorted(lines, key=lambda line: line.left))
    gaps = [(before.right, after.left) for before, after in beside if before.right < after.left]
    bold = all(line.bold for line in lines)
    return Row(pieces, max(line.top for line in lines), min(line.bottom for line in lines), gaps, bold)


def _pieces(line: Line, steep: Sequence[float]) -> Iterator[Piece]:
    """A line's words, apart where the gap between them is wider than a space or a rule stands."""
    words = line.text.split(" ")
    if len(words) != len(line.words):
        yield Piece(line.text, line.left, line.right)
        return
    gap = (_CODE_GAP if line.fixed else _WORD_GAP) * (line.top - line.bottom)
    begun: Piece | None = None
    for word, (left, right) in zip(words, line.words, strict=True):
        if begun is not None and left - begun.right < gap and not any(begun.right - 1 < x < left + 1 for x in steep):
            begun.text += f" {word}"
            begun.right = right
            continue
        if begun is not None:
            yield begun
        begun = Piece(word, left, right)
    if begun is not None:
        yield begun


def apart(places: Sequence[float]) -> list[float]:
    """Places, those of double rules once."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > _SAME:
            found.append(place)
    return found


def slots_of(rows: Sequence[Row]) -> list[float]:
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


def _wide(slots: Sequence[float], rows: Sequence[Row]) -> list[float]:
    """Those at which some rows have a gap that no two words of a text have."""
    least = 0.2 * len(rows)
    return [slot for slot in slots if sum(left < slot < right for row in rows for left, right in row.gaps) > least]


def _stripes(rows: Sequence[Row], tolerated: int) -> list[float]:
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


def cells_of(row: Row, slots: Sequence[float]) -> list[str]:
    """A row's pieces by columns; one that reaches over several stands in the first."""
    cells = [""] * (len(slots) + 1)
    for piece in row.pieces:
        column = column_of(piece, slots)
        cells[column] += f" {piece.text}" if cells[column] else piece.text
    return cells


def column_of(piece: Piece, slots: Sequence[float]) -> int:
    """The column that a piece begins in."""
    return sum(slot < piece.left + min(2.0, (piece.right - piece.left) / 2) for slot in slots)


def places_of(rows: Sequence[Row], slots: Sequence[float]) -> list[Place]:
    """Where the cells of each column begin and end."""
    places = [(float("inf"), float("-inf"))] * (len(slots) + 1)
    for piece in (piece for row in rows for piece in row.pieces):
        column = column_of(piece, slots)
        places[column] = min(places[column][0], piece.left), max(places[column][1], piece.right)
    return places
