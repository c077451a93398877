"""How far the sheets of binary workbooks reach, by their records ([MS-XLS] 2.4, [MS-XLSB] 2.4).

calamine holds every cell between a sheet's first and last, which a wrong number puts at the end of the sheet's world:
16.7 million cells of 32 bytes in .xls, a thousand times as many in .xlsb.
"""

import struct
from collections.abc import Iterable, Iterator

from tasks.errors import OversizedDocument

_MOST_EMPTY = 20_000_000  # cells of all sheets; more than one whole sheet of .xls
_SPARSEST = 8  # cells to hold for each one that is there
_SHEET, _END, _MANY = 0x85, 0x0A, 0xBD
_CELLS = {0x06, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x206, 0x27E, 0x406, 0x02, 0x03, 0x04, 0x05, 0x7E, _MANY}
_ROW, _CELLS_XLSB = 0, range(1, 12)

Cell = tuple[int, int]
"""Row and column."""


def check_areas(sheets: Iterable[Iterable[Cell]]) -> None:
    """Refuse a workbook whose sheets are nothing but empty cells.

    Args:
        sheets: the cells of each.

    Raises:
        OversizedDocument: they are too many.
    """
    area = there = 0
    for sheet in sheets:
        rows, columns, count = _reach(sheet)
        area, there = area + rows * columns, there + count
        if area > max(_MOST_EMPTY, _SPARSEST * there):
            raise OversizedDocument(
                f"its sheets reach over {area:,} cells, and {there:,} are there",
                "Store it as .xlsx or CSV, or leave it out with `exclude`.",
            )


def _reach(cells: Iterable[Cell]) -> tuple[int, int, int]:
    """Rows and columns between the first and the last cell, and how many cells there are."""
    top = left = 2**32
    bottom = right = -1
    count = 0
    for count, (row, column) in enumerate(cells, 1):  # noqa: B007
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, column), max(right, column)
    return (bottom - top + 1, right - left + 1, count) if count else (0, 0, 0)


def sheets_of_xls(stream: bytes) -> Iterator[Iterable[Cell]]:
    """The cells of each sheet that a workbook's stream names; of a stream that names none (BIFF4 and before), of it."""
    begins = [
        struct.unpack_from("<I", stream, place)[0]
        for kind, place, size in _records(stream, 0)
        if kind == _SHEET and size > 3
    ]

    return (_cells_of_xls(stream, begin) for begin in begins or [0])


def _cells_of_xls(stream: bytes, begin: int) -> Iterator[Cell]:
    for kind, place, size in _records(stream, begin):
        if kind in _CELLS and size >= 4:
            row, column = struct.unpack_from("<HH", stream, place)
            yield row, column
            if kind == _MANY and size >= 6:
                [last] = struct.unpack_from("<H", stream, place + size - 2)
                yield from ((row, between) for between in range(column + 1, min(last, column + size // 6) + 1))
                yield row, last


def _records(stream: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and size of each record up to the end of its part."""
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        yield kind, place + 4, min(size, len(stream) - place - 4)
        if kind == _END:
            return
        place += 4 + size


def cells_of_xlsb(part: bytes) -> Iterator[Cell]:
    """The cells of a sheet's part."""
    place = row = 0
    while place < len(part):
        kind, place = _number(part, place, 2)
        size, place = _number(part, place, 4)
        if place + 4 <= len(part) and size >= 4:
            [value] = struct.unpack_from("<I", part, place)
            if kind == _ROW:
                row = value
            elif kind in _CELLS_XLSB:
                yield row, value
        place += size


def _number(part: bytes, place: int, most: int) -> tuple[int, int]:
    """A number of up to so many bytes, seven bits in each, and where it ends."""
    value = 0
    for shift, byte in enumerate(part[place : place + most]):
        value |= (byte & 0x7F) << 7 * shift
        place += 1
        if byte < 0x80:
            break
    return value, place
