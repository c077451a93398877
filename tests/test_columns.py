"""Columns compared with each other, whatever their types and pieces."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.columns import among, last_of_each

WORDS = st.sampled_from(["", "a", "b", "aa", "é", "a'b"])
PIECES = st.lists(st.lists(WORDS, max_size=5), max_size=3)


def column(pieces: list[list[str]], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(piece, kind) for piece in pieces], kind)


@given(
    PIECES, PIECES, st.sampled_from([pa.string(), pa.large_string()]), st.sampled_from([pa.string(), pa.large_string()])
)
def test_each_value_is_told_whether_it_is_among_others(
    pieces: list[list[str]], others: list[list[str]], kind: pa.DataType, other_kind: pa.DataType
) -> None:
    values = {word for piece in others for word in piece}
    expected = [word in values for piece in pieces for word in piece]
    assert among(column(pieces, kind), column(others, other_kind)).to_pylist() == expected
    assert among(column(pieces, kind), list(values)).to_pylist() == expected


@pytest.mark.parametrize("values", [[], pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_nothing_is_among_nothing(values: object) -> None:
    assert among(pa.array(["a", None]), values).to_pylist() == [False, False]


@given(st.lists(WORDS, max_size=12))
def test_of_each_key_the_last_row_stays_in_order(keys: list[str]) -> None:
    found = last_of_each(pa.table({"key": pa.array(keys, pa.string()), "at": range(len(keys))}), "key")
    last = {key: at for at, key in enumerate(keys)}
    assert found["at"].to_pylist() == sorted(last.values())
    assert found["key"].to_pylist() == [keys[at] for at in sorted(last.values())]
