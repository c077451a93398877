"""Rows in are rows out: whatever the dialect, the encoding and the damage, every row is a record or a failure."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.config.sources import Source
from tasks.errors import DocumentError
from tasks.ingest.prepare import _records
from tasks.sources import csv_tables
from tasks.sources.csv_tables import read_tables
from tasks.sources.listing import list_files
from tasks.sources.work import read_blocks

NAMES = ["key", "name", "body"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
CELLS = st.one_of(
    st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), max_size=8),
    st.sampled_from(['"', 'a "b" c', "x,y", "p;q", "two\nlines", "three\n\nlines", "a\ttab", "", "'", "|", "C:\\new"]),
)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))), min_size=1)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]), "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)  # fmt: skip
READING = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(ENCODINGS), "header": st.booleans(), "blank": st.sampled_from([0, 1, 3]),
        "rows": st.integers(1, 4), "block": st.sampled_from([1, 7, 64, 2**20]),
    }
)  # fmt: skip


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """A file is read so many bytes at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_tables, "_BLOCK_BYTES", size)
        yield


def lines_of(table: list[list[str]], dialect: dict[str, Any]) -> list[str]:
    """Each row as it is written."""
    result = []
    for row in table:
        out = io.StringIO()
        csv.writer(out, **dialect).writerow(row)
        result.append(out.getvalue())
    return result


def read(lines: list[str], dialect: dict[str, Any], reading: dict[str, Any]) -> list[list[str] | DocumentError]:
    """What comes of each row."""
    end = dialect["lineterminator"]
    header = lines_of([NAMES], dialect) if reading["header"] else []
    said = {"delimiter": dialect["delimiter"], "quote": '"'} | ({} if header else {"columns": NAMES})
    encoding = {"encoding": "cp1252"} if reading["encoding"] == "cp1252" else {}
    source = Source.model_validate({"name": "s", "uri": "x", "fields": {"text": "body"}, "csv": said} | encoding)
    content = "".join([end * reading["blank"], *header, *lines]).encode(reading["encoding"])
    found: list[list[str] | DocumentError] = []
    with blocks_of(reading["block"]):
        for table, broken in read_tables(io.BytesIO(content), source, ["body"], reading["rows"], False):
            rows = (list(row.values()) for row in table.to_pylist())
            found += [broken.get(place, row) for place, row in enumerate(rows)]
    return found


@settings(max_examples=150, deadline=None)
@given(TABLES, DIALECTS, READING)
def test_whole_files_are_what_python_reads(
    table: list[list[str]], dialect: dict[str, Any], reading: dict[str, Any]
) -> None:
    assume("\n" in dialect["lineterminator"] or not any("\n" in cell for row in table for cell in row))
    assert read(lines_of(table, dialect), dialect, reading) == table


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(CELLS.filter(lambda cell: "\n" not in cell), min_size=2, max_size=2), min_size=3, max_size=12),
    DIALECTS, READING, st.sampled_from(["a mark dropped", "a delimiter more", "cut"]), st.integers(0), st.integers(0),
)  # fmt: skip
def test_damage_costs_no_row_but_its_own(
    cells: list[list[str]], dialect: dict[str, Any], reading: dict[str, Any], damage: str, row: int, place: int
) -> None:
    table = [[str(number), *pair] for number, pair in enumerate(cells)]
    lines = lines_of(table, dialect)
    at, end = row % len(lines), dialect["lineterminator"]
    line = lines[at].removesuffix(end)
    if damage == "a mark dropped":
        marks = [i for i, letter in enumerate(line) if letter == '"']
        assume(marks)
        gone = marks[place % len(marks)]
        line = line[:gone] + line[gone + 1 :]
    elif damage == "a delimiter more":
        line = line[: place % (len(line) + 1)] + dialect["delimiter"] + line[place % (len(line) + 1) :]
    else:
        line = line[: place % len(line)]
    found = read([*lines[:at], line + end, *lines[at + 1 :]], dialect, reading)
    kept = table[:at] + table[at + 1 :]
    assert [row for row in found if row in kept] == kept
    assert len(found) - len(kept) in ((0, 1) if not line.strip() else (1,))


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_row_over_several_lines_with_a_field_too_many_is_one_failure(quoting: int) -> None:
    table = [["1", "two\nlines", "x"], ["2", "so\nare, too\nthese", "y"], ["3", "one", "z"]]
    dialect = {"delimiter": ",", "lineterminator": "\n", "quoting": quoting}
    lines = lines_of(table, dialect)
    for at in (0, 1):
        damaged = [line[:-1] + ",more\n" if number == at else line for number, line in enumerate(lines)]
        found = read(damaged, dialect, {"encoding": "utf-8", "header": True, "blank": 0, "rows": 9, "block": 2**20})
        assert [row if isinstance(row, list) else None for row in found] == [
            None if i == at else row for i, row in enumerate(table)
        ]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_large_file_is_what_python_reads(tmp_path: Path, end: str) -> None:
    words = ["tide", 'the "old" lamp', "x, y", "two\nlines", "", "caf\u00e9", "a\ttab"]
    table = [[str(i), words[i % 7], f"{words[i // 7 % 7]} of {i} " + "words " * (i % 50)] for i in range(60_000)]
    dialect = {"delimiter": ",", "lineterminator": end}
    lines = lines_of([NAMES, *table], dialect)
    damaged = [*range(500, 60_000, 1_000)]
    for at in damaged:
        lines[at + 1] = lines[at + 1].removesuffix(end) + f",more{end}"
    (tmp_path / "a.csv").write_bytes("".join(lines).encode())
    source = Source.model_validate({"name": "s", "uri": str(tmp_path), "fields": {"text": "body"}})
    [file] = list_files([source]).files
    found = [pair for block in read_blocks(file, source, NAMES, 2**20) for pair in _records(block)]
    assert [number for number, _ in found] == [*range(1, 60_001)]
    assert [number - 1 for number, row in found if isinstance(row, DocumentError)] == damaged
    assert [list(row.values()) for _, row in found if isinstance(row, dict)] == [
        row for at, row in enumerate(table) if at % 1_000 != 500
    ]
