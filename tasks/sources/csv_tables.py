"""CSV and TSV files as tables of their records, a block at a time, whatever their size.

Each row is a record or a failure with its number: rows are numbered from 1 after the header, blank lines left out.
"""

import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from tasks.config.sources import Source
from tasks.errors import BrokenDocument
from tasks.sources.csv_layout import Layout, find_layout
from tasks.sources.csv_rows import LONGEST_ROW, NoLine, Row, read_rows
from tasks.sources.fields import check_columns
from tasks.sources.transcode import with_plain_lines
from tasks.text.decode import check_guess, decode, decode_lines
from tasks.text.encodings import SAMPLE

_BLOCK_BYTES = 2**20
_PERHAPS_NO_HEADER = "; if these are values of a first row, name its columns with `csv: columns`"
_NO_HEADER = "Correct it, or name the columns with `csv: columns`."
_LINE_END = re.compile(rb"\r\n?|\n")

Broken = dict[int, BrokenDocument]


def read_tables(
    stream: Any, source: Source, wanted: list[str], rows: int, tabs: bool, least_confidence: float = 0.0
) -> Iterator[tuple[pa.Table, Broken]]:
    """The records of a file as tables of strings, and what is wrong with rows, by their place in the table.

    A broken row has a row of nulls in the table.

    Args:
        stream: the file, decompressed.
        source: it belongs to.
        wanted: columns that the source takes; they tell the header.
        rows: most in a table.
        tabs: whether the file's name promises tabs.
        least_confidence: of a guess at its encoding.

    Raises:
        BrokenDocument: its header cannot be read, or has no column for the text, or for the id, where one is named.
    """
    lines = _lines(with_plain_lines(stream, source.encoding), least_confidence)
    head: list[str | NoLine] = []
    size = 0
    for line in lines:
        head.append(line)
        size += len(line) if isinstance(line, str) else 0
        if size >= SAMPLE:
            break
    layout = find_layout([line if isinstance(line, str) else "\n" for line in head], wanted, source.csv, tabs)
    lost = [line for line in head[: layout.begin if layout else None] if isinstance(line, NoLine)]
    if lost:  # it may be the header
        raise BrokenDocument(f"a line in its beginning {lost[0]}", "Is it CSV? Say what it is with `format`.")
    if layout is None:
        return
    names = layout.names
    if not names:
        raise BrokenDocument("its header cannot be read: a quotation mark in it is not closed", _NO_HEADER)
    if wanted:
        fields = source.fields
        check_columns(names, fields.id, fields.text if fields.names_text else [], _PERHAPS_NO_HEADER)
    block: list[Sequence[str | None]] = []
    broken: Broken = {}
    size = 0
    following = read_rows(chain(head[layout.begin :], lines), layout.dialect, len(names))
    for number, row in enumerate(following, 1):
        if row.fields is None:
            broken[len(block)] = _failure(number, row, layout)
            block.append([None] * len(names))
        else:
            block.append(row.fields)
            size += sum(map(len, row.fields))
        if len(block) == rows or size >= _BLOCK_BYTES:
            yield _table(names, block), broken
            block, broken, size = [], {}, 0
    if block:
        yield _table(names, block), broken


def _table(columns: list[str], block: list[Sequence[str | None]]) -> pa.Table:
    return pa.table([pa.array(column, pa.string()) for column in zip(*block, strict=True)], names=columns)


def _failure(number: int, row: Row, layout: Layout) -> BrokenDocument:
    return BrokenDocument(
        f"row {number} (line {row.line + layout.begin}) is broken: {row.problem}",
        "Correct that row, or say how the file is written with `csv`.",
    )


def _lines(stream: Any, least_confidence: float) -> Iterator[str | NoLine]:
    """The lines of a stream with their ends; what is wrong with one that is too long, or no text.

    A file has one encoding beside UTF-8: the one that the first lines tell that are not UTF-8.
    """
    known: str | None = None
    for block in _whole_lines(stream):
        if block is None:
            yield NoLine(f"has more than {LONGEST_ROW:,} bytes")
            continue
        decoded, broken = decode_lines(block, lambda data: data.splitlines(keepends=True))
        if decoded.encoding != "utf-8":
            if known is None:
                check_guess(decoded, least_confidence)
                known = decoded.encoding
            elif decoded.encoding != known:
                decoded = decode(block, known)
        lines = io.StringIO(decoded.text, newline="")
        if not broken:
            yield from lines
            continue
        for place, line in enumerate(lines):
            yield NoLine(f"is {broken[place].message}") if place in broken else line


def _whole_lines(stream: Any) -> Iterator[bytes | None]:
    """Blocks that end where lines do, with a line feed, a carriage return, or both; None for a line too long."""
    begun: list[bytes] = []
    size = 0
    too_long = False
    while data := stream.read(_BLOCK_BYTES):
        if too_long:
            end = _LINE_END.search(data)
            if end is None:
                continue
            too_long, data = False, data[end.end() :]
        cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(len(data) - 1, 0))) + 1
        if cut:
            yield b"".join((*begun, data[:cut]))
            begun, size = [], 0
        begun.append(data[cut:])
        size += len(data) - cut
        if size > LONGEST_ROW:
            yield None
            begun, size, too_long = [], 0, True
    if rest := b"".join(begun):
        yield rest
