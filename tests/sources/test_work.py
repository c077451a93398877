"""Record files in blocks: every record once, under its number, whatever the length of a line."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.settings import Source
from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.ingest.prepare import _records
from tasks.ingest.reading import _halves
from tasks.sources import work as load
from tasks.sources.listing import File, list_files
from tasks.sources.work import Block, parse_lines, read_blocks


def container(path: Path) -> tuple[File, Source]:
    source = Source.model_validate({"name": "s", "uri": str(path)})
    return list_files([source]).files[0], source


def blocks(path: Path, max_bytes: int = 2**30) -> list[Block]:
    return list(read_blocks(*container(path), [], max_bytes))


def records(found: list[Block]) -> list[tuple[int, Any]]:
    return [
        (number, type(record) if isinstance(record, DocumentError) else record)
        for block in found
        for number, record in _records(block)
    ]


@given(
    lengths=st.lists(st.integers(0, 90), max_size=12),
    most=st.integers(10, 80),
    size=st.integers(1, 60),
    ended=st.booleans(),
)
def test_a_line_that_is_too_long_is_set_aside_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], most: int, size: int, ended: bool
) -> None:
    lines = [json.dumps({"text": "x" * length}) if length > 3 else "" for length in lengths]
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_text("\n".join(lines) + ("\n" if ended else ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "_BLOCK_BYTES", size)
        found = blocks(path, most)
    assert records(found) == [
        (number, OversizedDocument if len(line) > most else json.loads(line))
        for number, line in enumerate(lines, 1)
        if line
    ]
    assert all(block.size <= most + size for block in found)


@pytest.mark.slow
def test_a_line_without_end_costs_time_by_its_length_and_a_block_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "first"}\n')
        file.truncate(400 * 2**20)
        file.seek(0, 2)
        file.write(b'\n{"text": "last"}')
    clock = time.monotonic()
    assert records(blocks(path, 2**20)) == [
        (1, {"text": "first"}), (2, OversizedDocument), (3, {"text": "last"}),
    ]  # fmt: skip
    assert [block.first for block in blocks(path)] == [1, 2, 3]
    assert time.monotonic() - clock < 10


def test_a_header_without_end_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"text,")
        file.truncate(100 * 2**20)
    with pytest.raises(BrokenDocument, match="first line"):
        blocks(path)


def test_halves_of_a_block_keep_the_numbers_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n{"a":\r 2}\n{"a": "\xc2\x85"}\n{"a": 4}\n')
    [block] = blocks(path)
    halves = _halves(block)
    assert len(halves) == 2
    assert records([half for half in halves if isinstance(half, Block)]) == records([block])
    assert [number for number, _ in records([block])] == [1, 3, 4, 5]
    wrong = Block(block.file, 7, OversizedDocument("too long"))
    assert _halves(wrong) == [wrong]
    assert wrong.size == 0
    assert len(list(parse_lines(b"{}\n\n"))) == 3
