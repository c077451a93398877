"""What a small file may grow to: sheets that a number makes huge are told, not filled up."""

import struct
import time

import pytest

from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.extract.blocks import Blocks
from tasks.extract.legacy import read_compound
from tasks.extract.office import read_office
from tasks.extract.opendocument import read_flat
from tasks.extract.read import extract
from tasks.extract.sheet_areas import cells_of_xlsb, check_areas, sheets_of_xls
from tests.extract.files import compound, open_document, workbook

CELL = '<table:table-cell table:number-columns-repeated="{}"><text:p>word</text:p></table:table-cell>'


def record(kind: int, *values: int, wide: str = "H") -> bytes:
    content = struct.pack(f"<{len(values)}{wide}", *values)
    return struct.pack("<HH", kind, len(content)) + content


def book(*cells: tuple[int, int], sheets: int = 1) -> bytes:
    """The stream of an .xls, whose sheets are all the same one."""
    size = 4 + 8 * sheets + 4
    names = b"".join(record(0x85, size, wide="I") for _ in range(sheets))
    return record(0x809) + names + record(0x0A) + b"".join(record(0x203, *cell) for cell in cells) + record(0x0A)


def test_repeated_cells_are_counted_as_what_they_grow_to() -> None:
    def sheet(rows: int, columns: int) -> bytes:
        row = f'<table:table-row table:number-rows-repeated="{rows}">{CELL.format(columns) * 5}</table:table-row>'
        return open_document(f"<table:table>{row * 3}</table:table>", "spreadsheet")

    assert "| word | word |" in read_office(sheet(20, 4), ".ods", 2**28).text
    with pytest.raises(OversizedDocument, match="repeat cells to more than"):
        read_office(sheet(1000, 1000), ".ods", 2**28)
    flat = f'<d xmlns:table="t" xmlns:text="x"><body><spreadsheet><table:table><table:table-row>{CELL.format(90)}'
    flat += "</table:table-row></table:table></spreadsheet></body></d>"
    with pytest.raises(OversizedDocument, match="repeat cells to more than 1,000 bytes"):
        read_flat(flat.encode(), 1_000)
    known = flat.replace('"t"', '"urn:oasis:names:tc:opendocument:xmlns:table:1.0"')
    assert "word | word" in extract(f'<?xml version="1.0"?>{known}'.encode(), "a.fods", "auto", 2**28).text


def test_a_table_is_not_filled_up_to_one_long_row() -> None:
    clock = time.process_time()
    with pytest.raises(OversizedDocument, match="20,001 rows and 1,000 columns, and 21,000 cells"):
        Blocks().table([["x"] * 1000, *[["y"]] * 20_000])
    blocks = Blocks()
    blocks.table([["x"] * 1000, *[["y"]] * 20, ["z"] * 1000])
    assert blocks.text().count("\n") == 22
    assert time.process_time() - clock < 2


@pytest.mark.slow
def test_cells_far_to_the_right_are_no_memory() -> None:
    far = '<row><c r="XFD1" s="1"/></row>' * 5_000
    assert (
        "word"
        in read_office(workbook({"S": f'<row><c r="A1" t="str"><v>word</v></c></row>{far}'}), ".xlsx", 2**28).text
    )
    with pytest.raises(OversizedDocument, match="empty cells before others"):
        read_office(workbook({"S": '<row><c r="XFD1"><v>1</v></c></row>' * 3_000}), ".xlsx", 2**28)


def test_old_sheets_reach_no_further_than_they_are_filled() -> None:
    check_areas(sheets_of_xls(book((0, 0), (65_535, 255))))
    check_areas(sheets_of_xls(book((0, 0), (9, 9), sheets=100)))
    with pytest.raises(OversizedDocument, match="reach over 33,554,432 cells, and 4 are there"):
        check_areas(sheets_of_xls(book((0, 0), (65_535, 255), sheets=2)))
    for damaged in (b"", b"\x85", book((1, 1))[:-5], record(0x85, 2**32 - 1, wide="I"), b"\xff" * 99):
        check_areas(sheets_of_xls(damaged))


def test_sectors_without_an_end_are_told() -> None:
    """What reads workbooks would hold every sector that it passes, again and again."""
    whole = compound(book((0, 0)))
    with pytest.raises(DocumentError, match="readable workbook") as error:
        read_compound(whole, ".xls", 2**28)
    assert "no end" not in error.value.message
    for sector, follower in ((1, 1), (1, 0), (9, 2), (9, 1_000_000)):
        place = 512 + 4 * sector
        damaged = whole[:place] + struct.pack("<I", follower) + whole[place + 4 :]
        with pytest.raises(BrokenDocument, match=r"its sectors have no end|OleFileError"):
            read_compound(damaged, ".xls", 2**28)


def test_new_binary_sheets_reach_no_further_than_they_are_filled() -> None:
    def row(number: int, *columns: int) -> bytes:
        cells = b"".join(b"\x05\x04" + struct.pack("<I", column) for column in columns)
        return b"\x00\x04" + struct.pack("<I", number) + cells

    near, far = row(0, 0, 1, 2) + b"\x94\x01\x00" + row(7, 3), row(1_048_575, 16_383)
    assert [*cells_of_xlsb(near)] == [(0, 0), (0, 1), (0, 2), (7, 3)]
    check_areas([cells_of_xlsb(near), cells_of_xlsb(far)])
    with pytest.raises(OversizedDocument, match="reach over"):
        check_areas([cells_of_xlsb(near + far)])
    for cut in range(len(near)):
        check_areas([cells_of_xlsb(near[:cut])])
