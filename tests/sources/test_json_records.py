"""JSON records: every form gives the same records in the same order, and what is wrong is said once."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.sources import json_records
from tasks.sources.json_records import as_lines, holds_records, is_lines
from tasks.sources.transcode import in_plain_lines, with_plain_lines
from tasks.sources.work import parse_lines

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(['"]}', "\\", "\x1e", "\u2028", "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=3), min_size=2, max_size=8)

FORMS = {
    "lines": lambda records: "\n".join(map(json.dumps, records)),
    "array": lambda records: json.dumps(records, ensure_ascii=False),
    "indented array": lambda records: json.dumps(records, indent=2),
    "a line each in an array": lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
    "indented": lambda records: "\n".join(json.dumps(record, indent=1) for record in records),
    "concatenated": lambda records: "".join(map(json.dumps, records)),
    "with commas": lambda records: ",\n".join(map(json.dumps, records)),
    "carriage returns": lambda records: "\r".join(map(json.dumps, records)),
    "text sequence": lambda records: "".join(f"\x1e{json.dumps(record)}\n" for record in records),
    "arrays": lambda records: f"{json.dumps(records[:1])}\n{json.dumps(records[1:])}\n",
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]


def read(data: bytes, max_bytes: int = 2**30) -> Iterator[Any]:
    """The records, and at the end the error where there is one."""
    stream = as_lines(with_plain_lines(io.BytesIO(data), None), max_bytes)
    found = b""
    error = None
    try:
        while piece := stream.read(2**16):
            found += piece
    except DocumentError as wrong:
        error = wrong
    yield from (json.loads(line) for line in found.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip())
    if error:
        yield error


@pytest.mark.parametrize("form", FORMS)
@given(records=RECORDS, encoding=st.sampled_from(ENCODINGS))
@example(records=[{"a": {}}, {"b": []}], encoding="utf-16")
@example(records=[{"灯": "台"}, {"守": "は"}], encoding="utf-16-be")
def test_every_form_gives_the_same_records(form: str, records: list[Any], encoding: str) -> None:
    data = FORMS[form](records).encode(encoding)
    assert holds_records(in_plain_lines(data, None))
    assert list(read(data)) == records


@given(RECORDS, st.integers(100, 200))
def test_the_pieces_in_which_a_file_is_read_change_nothing(records: list[Any], piece: int) -> None:
    padded = [{"first": 1}, {"second": [2]}, *records, {"filler": "\\" * 300}, *records]
    for form in ("array", "indented", "concatenated", "text sequence"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_records, "PIECE", piece)
            assert list(read(FORMS[form](padded).encode())) == padded


@pytest.mark.parametrize(
    ("data", "good", "message"),
    [
        ('[{"a": 1}, {"a": 2}, {"a" 3}, {"a": 4}]', 2, "record 3 is not valid JSON"),
        ('[{"a": 1}, {"a": 2}', 2, "its array has no end after 2 records"),
        ('[{"a": 1}, {"a": 2, "b": "unfin', 1, "record 2 is not valid JSON: Unterminated string"),
        ('{"a": 1}{"b": [}', 1, "record 2"),
        ('[{"a": 1}, nonsense]', 1, "record 2 is not valid JSON: Expecting value"),
        ('\x1e"words"\n\x1e"more"\n', 0, "it holds JSON that is no object"),
        ('{"a": 1}{"b": ' + "[" * 100_000, 1, "record 2 is not valid JSON"),
    ],
)
def test_what_is_no_json_is_said_once_after_the_records_before_it(data: str, good: int, message: str) -> None:
    *records, error = read(data.encode())
    assert len(records) == good
    assert isinstance(error, BrokenDocument)
    assert message in error.message


def test_a_record_that_is_too_long_is_said_to_be() -> None:
    *records, error = read(json.dumps([{"a": 1}, {"a": "x" * 3_000_000}]).encode(), 2_000_000)
    assert records == [{"a": 1}]
    assert isinstance(error, OversizedDocument)


def test_letters_are_left_as_they_are_encoded() -> None:
    data = b'[{"a": "Gr\xf6\xdfe"},\n {"a": "\xa0\x85"}]'  # Latin-1
    assert as_lines(io.BytesIO(data), 2**20).read(2**20) == b'{"a": "Gr\xf6\xdfe"}\n{"a": "\xa0\x85"}\n'


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b'{"a": 1}', b'{"a": 1}\n', b'{"a": 1}\n{"a": 2}', b'\n{"a":\r 1}\r\n{"a": 2}\r\n', b"words",
        b'{"a": 1\n{"a": 2}\n', b'["a"]\n["b"]', b"[[[[\n{}", b'{"a" 1}\n{}', b'{"a": 1} words\n{"b": 1}',
    ],
)  # fmt: skip
def test_lines_pass_as_they_are(data: bytes) -> None:
    assert is_lines(data)
    assert as_lines(io.BytesIO(data), 2**20).read(2**20) == data


@pytest.mark.parametrize(
    "data", [b'{"a": 1}', b'{\n "a": [\n  {"b": 1}\n ]\n}\n', b'["a", "b"]', b"[1]", b'"words"', b"", b'{"a"', b"words"]
)
def test_a_single_object_or_a_list_of_words_holds_no_records(data: bytes) -> None:
    assert not holds_records(data)


@given(st.sampled_from(list(FORMS)), RECORDS, st.integers(0, 400), st.binary(max_size=3), st.sampled_from([1, 2**20]))
@example("array", [{"a": 1}, {"b": 2}], 9, b"\xff\xfe", 2**20)
def test_damaged_json_raises_nothing_but_what_is_wrong_with_it(
    form: str, records: list[Any], at: int, damage: bytes, max_bytes: int
) -> None:
    data = FORMS[form](records).encode()
    data = data[:at] + damage + data[at + len(damage) :]
    holds_records(data)
    stream = as_lines(io.BytesIO(data), max_bytes)
    try:
        lines = b"".join(iter(lambda: stream.read(1000), b""))
    except DocumentError:
        return
    assert len(list(parse_lines(lines))) >= 1


@pytest.mark.slow
def test_an_array_of_any_length_costs_a_few_pieces_of_memory() -> None:
    class Endless(io.RawIOBase):
        left = 40

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return (
                b"" if self.left < 0 else (b"[" if self.left == 39 else b"") + (b'{"a": "%s"},' % (b"x" * 87)) * 10_000
            )

    stream = as_lines(Endless(), 2**30)
    tracemalloc.start()
    total = 0
    while piece := stream.read(2**20) if total < 35_000_000 else b"":
        total += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 35_000_000
    assert peak < 12 * 2**20
