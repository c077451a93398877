"""Parquet of every type of column, whatever the file is called."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.config.sources import Fields, Source
from tasks.errors import BrokenDocument, UnreadDocument
from tasks.ingest.metadata import fields_of
from tasks.sources.contents import by_content, with_records
from tasks.sources.fields import all_text, text_of
from tasks.sources.listing import File, list_files
from tasks.sources.parquet_records import parquet_tables, rows_of
from tasks.sources.work import Block, read_blocks

TABLE = pa.table(
    {
        "plain": pa.array(["a", None]),
        "large": pa.array(["a", "b"], pa.large_string()),
        "view": pa.array(["a", "b"], pa.string_view()),
        "category": pa.array(["a", "b"]).dictionary_encode(),
        "binary": pa.array([b"a", "ä".encode()]),
        "list": pa.array([["a", "b"], []]),
        "struct": pa.array([{"body": "a", "more": {"deep": "b"}}, None]),
        "structs": pa.array(
            [[{"content": "a"}, {"content": "b"}], None], pa.list_(pa.struct({"content": pa.string()}))
        ),
        "map": pa.array([[("en", "a")], None], pa.map_(pa.string(), pa.string())),
        "time": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns", "UTC")),
    }
)


def container(path: Path, **fields: Any) -> tuple[File, Source]:
    source = Source.model_validate({"name": "s", "uri": str(path), "fields": fields})
    [file] = list_files([source]).files
    return by_content(file, source), source


def blocks(path: Path, **fields: Any) -> list[Block]:
    return list(read_blocks(*container(path, **fields), [], 2**20))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("plain", "a"), ("large", "a"), ("view", "a"), ("category", "a"), ("binary", "a"), ("list", "a\nb"),
        ("struct.body", "a"), ("struct.more.deep", "b"), ("structs.content", "a\nb"), ("map.en", "a"),
        ("time", "2023-11-14 22:13:20.123456+00:00"),
    ],
)  # fmt: skip
def test_every_type_of_column_gives_text(tmp_path: Path, column: str, text: str) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet", text=column)
    assert isinstance(block.content, pa.Table)
    assert block.content.column_names == [column.partition(".")[0]]
    first, _ = block.records()
    assert isinstance(first, dict)
    assert text_of(first, [column]) == text


def test_times_are_as_exact_as_python_s(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet", text="time")
    first, _ = block.records()
    assert isinstance(first, dict)
    assert first["time"] == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "txet"}, "no column 'txet'; there are plain, large,"),
        ({"text": "plain", "id": "key"}, "no column 'key'; there are plain,"),
        ({"text": "struct"}, "column 'struct' holds an object; name what is meant: struct.body, struct.more"),
        ({"text": "struct.bdy"}, "no column 'struct.bdy'; there are struct, struct.body, struct.more"),
    ],
)
def test_a_wrong_column_is_one_failure_of_the_file(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    with pytest.raises(BrokenDocument) as caught:
        blocks(tmp_path / "a.parquet", **fields)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "name", ["DATA.PARQUET", "data.parq", "part-0", "data.pq", "export.dat", "table.csv", "a.jsonl"]
)
def test_content_tells_what_a_name_does_not(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / name)
    [block] = blocks(tmp_path / name)
    assert list(block.records()) == [{"text": "a"}, {"text": "b"}]


def test_only_names_that_leave_it_open_are_looked_into(tmp_path: Path) -> None:
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    for name, content, expected in (
        ("a.txt", b'[{"a": 1}]', ""), ("a.json", b'[{"a": 1}]', "jsonl"), ("b.json", b'{"a": {"b": 1}}', ""),
        ("c.json", b'{"a": 1}\n{"a": 2}\n', "jsonl"), ("d.json", '[{"a": 1}]'.encode("utf-16"), "jsonl"),
        ("none", b"PAR1", "parquet"), ("words", b"PARis", ""), ("e.json", b"", ""), ("f.json", b'["a", "b"]', ""),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        [file] = [file for file in list_files([source]).files if file.key == name]
        found = with_records(file, source)
        assert (found.content if found else "") == expected
        assert by_content(file, source).is_container == bool(expected)
        (tmp_path / name).unlink()
    (tmp_path / "g.json").write_bytes('[{"a": "é"}]'.encode("cp500"))
    foreign = source.model_copy(update={"encoding": "cp500"})
    [file] = list_files([foreign]).files
    assert by_content(file, foreign).is_container
    gone = File("s:a.json", "s", str(tmp_path / "a.json"), "", "", 1, "json")
    with pytest.raises(UnreadDocument):
        with_records(gone, source)


def test_without_a_text_column_all_columns_are_read_unless_one_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "body": ["a"]}), tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet")
    assert block.whole
    assert list(block.records()) == [{"id": 1, "body": "a"}]
    with pytest.raises(BrokenDocument, match="no column 'text'; there are id, body"):
        blocks(tmp_path / "a.parquet", text="text")
    pq.write_table(pa.table({}), tmp_path / "a.parquet")
    assert blocks(tmp_path / "a.parquet") == []
    with pytest.raises(BrokenDocument, match="no column 'text'; there are none"):
        blocks(tmp_path / "a.parquet", text="text")


def test_no_column_is_taken_for_another_with_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(BrokenDocument, match="two columns have the name 'text'"):
        blocks(tmp_path / "a.parquet")


TIMES = pa.array([0, 2**62, 1_000_000], pa.timestamp("us"))
TORN = pa.StringArray.from_buffers(3, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc"))


@pytest.mark.parametrize("text", [TIMES, TORN])
def test_a_text_that_python_cannot_hold_costs_its_row(tmp_path: Path, text: pa.Array) -> None:
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet", text="text")
    first, torn, last = (row for row in block.records() if isinstance(row, dict))
    assert text_of(first, ["text"])
    assert text_of(last, ["text"])
    for said in (lambda: text_of(torn, ["text"]), lambda: all_text(torn)):
        with pytest.raises(BrokenDocument, match="column 'text' holds a value that cannot be read"):
            said()


def test_a_metadata_value_that_python_cannot_hold_is_null_and_counted() -> None:
    [_, torn, _] = rows_of(pa.table({"text": ["a", "b", "c"], "time": TIMES}))
    found, unfit = fields_of({"time": "datetime", "when": "string"}, {"when": "time"}, [torn])
    assert found == {"time": None, "when": None}
    assert [*unfit] == ["time", "when"]


def test_what_cannot_be_fetched_is_told_from_what_is_damaged(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a tide"] * 100}), tmp_path / "a.parquet", compression="snappy")
    data = (tmp_path / "a.parquet").read_bytes()
    fields = Fields.model_validate({})
    outcomes = set()
    for at in range(4, len(data) - 8):
        damaged = io.BytesIO(data[:at] + b"\xff" + data[at + 1 :])
        try:
            rows = sum(table.num_rows for table in parquet_tables(damaged, fields, ["text"], 10))
        except (BrokenDocument, pa.ArrowException):
            rows = -1
        outcomes.add(rows)
    assert {100, -1} <= outcomes

    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() < 100:
                raise ConnectionResetError("gone")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        list(parquet_tables(Gone(data), fields, ["text"], 10))
