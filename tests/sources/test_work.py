"""Record files in blocks: every record once, under its number, whatever the length of a line."""

import csv
import gzip
import io
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.sources import Source
from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.ingest.prepare import _records
from tasks.ingest.reading import _halves
from tasks.sources import work as load
from tasks.sources.listing import File, list_files
from tasks.sources.work import Block, group_files, parse_lines, read_blocks


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
    with pytest.raises(BrokenDocument, match="a line in its beginning"):
        blocks(path)


def test_halves_of_a_block_keep_the_numbers_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n{"a":\r 2}\n{"a": "\xc2\x85"}\n{"a": 4}\n')
    [block] = blocks(path)
    halves = _halves(block)
    assert len(halves) == 2
    assert records([half for half in halves if isinstance(half, Block)]) == records([block])
    assert [number for number, _ in records([block])] == [1, 3, 4, 5]
    assert block.whole  # nobody said which column is the text
    assert all(isinstance(half, Block) and half.whole for half in halves)
    wrong = Block(block.file, 7, OversizedDocument("too long"))
    assert _halves(wrong) == [wrong]
    assert wrong.size == 0
    assert len(list(parse_lines(b"{}\n\n"))) == 3


FILES = st.lists(st.integers(0, 3 * 2**20), max_size=100)


@given(FILES)
def test_files_are_grouped_in_order_and_no_group_is_large(sizes: list[int]) -> None:
    files = [File(f"s:{i}", "s", "", "", "", size, "text") for i, size in enumerate(sizes)]
    groups = [group.files for group in group_files(files)]
    assert [file for group in groups for file in group] == files
    for group in groups:
        assert 1 <= len(group) <= 32
        assert len(group) == 1 or sum(file.size for file in group) <= 2 * 2**20


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@given(
    st.lists(st.one_of(st.dictionaries(st.text(max_size=4), JSON, max_size=3), st.just(None)), max_size=6),
    st.booleans(),
)
def test_each_line_gives_the_record_that_was_written(written: list[dict[str, Any] | None], plain: bool) -> None:
    lines = ["" if record is None else json.dumps(record, ensure_ascii=plain) for record in written]
    assert list(parse_lines("\n".join(lines).encode())) == (written or [None])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"), ("[1]", "expected a JSON object; came list"), ('"a"', "came str"),
        ("[" * 100_000, "not valid JSON"), ("{} {}", "not valid JSON"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_is_said_to_be_none_and_the_next_is_read(line: str, message: str) -> None:
    wrong, right = parse_lines(f'{line}\n{{"a": 1}}'.encode())
    assert isinstance(wrong, BrokenDocument)
    assert message in wrong.message
    assert right == {"a": 1}


def test_a_lone_surrogate_in_a_line_becomes_a_replacement_character() -> None:
    assert list(parse_lines(b'{"a\\ud800": ["\\udfff", {"b": "\\ud83d\\ude00"}]}')) == [
        {"a\ufffd": ["\ufffd", {"b": "😀"}]}
    ]


def test_a_damaged_byte_in_a_line_changes_no_other_line(tmp_path: Path) -> None:
    lines = [f'{{"text": "Zoë – «Ärger», Nr. {i}."}}'.encode() for i in range(40)]
    lines[7] = lines[7].replace("Ä".encode(), b"\xff")
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    found = [record["text"] for _, record in records(blocks(tmp_path / "a.jsonl"))]
    assert found.pop(7) == "Zoë – «\ufffdrger», Nr. 7."
    assert found == [f"Zoë – «Ärger», Nr. {i}." for i in range(40) if i != 7]


@pytest.mark.parametrize("damage", ["\0", "\x01\x02\x03", "\0\x01\x02" * 30])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_control_characters_in_a_line_cost_no_other_line(tmp_path: Path, damage: str, encoding: str) -> None:
    lines = [f'{{"text": "Zoë {i}"}}' for i in range(4)]
    lines[2] = lines[2].replace("Z", damage)
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode(encoding))
    expected: list[Any] = [{"text": f"Zoë {i}"} for i in range(4)]
    expected[2] = BrokenDocument
    assert records(blocks(tmp_path / "a.jsonl")) == list(enumerate(expected, 1))


@given(st.lists(st.sampled_from([b"\0", b"\0\0", b"\x01", b"\r", b"{}", b'{"a": "\xc3\xa4"}', b"\n", b"\n{}\n"])))
def test_any_lines_give_a_record_or_an_error_each(parts: list[bytes]) -> None:
    data = b"".join([b'{"first": "\xc3\xa4"}\n', *parts])
    found = list(parse_lines(data))
    lines = data.split(b"\n")
    for line, record in zip(lines, [*found, None], strict=False):
        if line.strip(b"\r\0"):  # zeros alone may be what a loss of power leaves
            assert isinstance(record, BrokenDocument) or record == json.loads(line.strip(b"\r\0"))


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-16", None), ("utf-16-le", None), ("cp1252", None), ("cp437", "cp437")]
)
def test_lines_of_json_are_read_in_their_encoding(tmp_path: Path, encoding: str, said: str | None) -> None:
    rows = [{"text": f"Größe {i} über Ä"} for i in range(3000)]
    (tmp_path / "a.jsonl").write_bytes("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(encoding))
    source = Source.model_validate({"name": "s", "uri": str(tmp_path), "encoding": said})
    [file] = list_files([source]).files
    assert records(list(read_blocks(file, source, [], 2**20))) == list(enumerate(rows, 1))


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_table_whose_compression_is_torn_says_so(tmp_path: Path, kept: float) -> None:
    data = gzip.compress("\n".join(["text", *(f"row {i * 7919 % 4001}" for i in range(200_000))]).encode())
    (tmp_path / "a.csv.gz").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(EOFError):
        blocks(tmp_path / "a.csv.gz")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=9), st.sampled_from(["csv", "tsv", "csv.gz", "parquet"]))
def test_a_table_of_any_form_gives_its_rows_by_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]], form: str
) -> None:
    path = tmp_path_factory.mktemp("tables") / f"a.{form}"
    expected = [{"text": text, "more": more} for text, more in cells]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(expected), path)
        expected = [{"text": text} for text, _ in cells]  # what the source does not take is not read
    else:
        lines = io.StringIO()
        writer = csv.DictWriter(
            lines, ["text", "more"], delimiter="\t" if form == "tsv" else ",", quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        writer.writerows(expected)
        data = lines.getvalue().encode()
        path.write_bytes(gzip.compress(data) if form.endswith("gz") else data)
    assert records(blocks(path)) == list(enumerate(expected, 1))


def test_a_torn_table_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"text,more\na\n")
    with pytest.raises(BrokenDocument, match="not a readable parquet file"):
        blocks(tmp_path / "a.parquet")


@pytest.mark.parametrize("content", ["", "text,more\n", "\n"])
def test_a_table_without_rows_has_no_blocks(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    assert blocks(tmp_path / "a.csv") == []


def test_only_columns_that_a_source_takes_are_read(tmp_path: Path) -> None:
    table = pa.table({name: ["x"] for name in ("key", "title", "text", "year", "other")})
    pq.write_table(table, tmp_path / "a.parquet")
    fields = {"id": "key", "title": "title", "text": ["text", "missing"]}
    source = Source.model_validate({"name": "s", "uri": str(tmp_path), "fields": fields, "metadata": {"when": "year"}})
    [file] = list_files([source]).files
    [block] = read_blocks(file, source, ["when"], 2**20)
    assert isinstance(block.content, pa.Table)
    assert block.content.column_names == ["key", "title", "text", "year"]


@pytest.mark.parametrize("rows", [1024, 1025, 5000])
def test_the_rows_of_a_long_table_are_numbered_throughout(tmp_path: Path, rows: int) -> None:
    table = pa.table({"text": [str(i) for i in range(1, rows + 1)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    found = blocks(tmp_path / "a.parquet")
    assert records(found) == [(i, {"text": str(i)}) for i in range(1, rows + 1)]
