"""Rows found by a column, and numbers that stand for hashes."""

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake import lookup as module
from tasks.lake.lookup import Lookup, NumberSet, numbers_of, numbers_of_texts
from tasks.lake.snapshot import Snapshot

KEYS = [f"{i % 7:032x}" for i in range(40)] + [None, "a'b", ""]
HASHES = st.one_of(st.none(), st.text("0123456789abcdef", min_size=32, max_size=32))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Rows in two pieces, several with one key."""
    rows = pa.table({"key": pa.array(KEYS, pa.string()), "at": range(len(KEYS))})
    folder = str(tmp_path_factory.mktemp("lookup") / "some.lance")
    lance.write_dataset(rows.slice(0, 20), folder)
    return Snapshot("some", lance.write_dataset(rows.slice(20), folder, mode="append"))


@given(wanted=st.lists(st.sampled_from([*(key for key in KEYS if key is not None), "f" * 32, "nobody"]), max_size=6))
def test_all_rows_of_some_values_are_found_in_the_order_of_the_table(table: Snapshot, wanted: list[str]) -> None:
    found = Lookup(table, "key").rows(wanted, ["at"])
    assert found["at"].to_pylist() == [i for i, key in enumerate(KEYS) if key in wanted]
    assert found.column_names == ["key", "at"]


def test_hashes_are_found_by_their_numbers(table: Snapshot) -> None:
    hashes = Snapshot("some", lance.dataset(table._dataset.uri, version=1))
    lookup = Lookup(hashes, "key", hashes=True)
    asked = [KEYS[3] or "", "f" * 32]
    assert lookup.rows(asked, ["at"])["at"].to_pylist() == [3, 10, 17]
    assert lookup.has(numbers_of(pa.chunked_array([asked]))).tolist() == [True, False]


@pytest.mark.parametrize("hashes", [True, False])
def test_a_table_that_is_not_there_has_nothing(hashes: bool) -> None:
    lookup = Lookup(Snapshot("some", None), "key", hashes)
    assert lookup.rows(["a" * 32], ["at"]).num_rows == 0
    assert lookup.has(np.array([1, 2], np.uint64)).tolist() == [False, False]


@given(st.lists(st.lists(HASHES, max_size=5), max_size=3), st.integers(0, 4))
def test_the_number_of_a_hash_is_its_first_64_bits(pieces: list[list[str | None]], skipped: int) -> None:
    column = pa.chunked_array([pa.array(piece, pa.string()) for piece in pieces], pa.string())
    expected = [int(each[:16], 16) if each else 0 for piece in pieces for each in piece]
    assert numbers_of(column).tolist() == expected
    assert numbers_of(column.slice(skipped)).tolist() == expected[skipped:]


@given(st.lists(st.text(max_size=4)))
def test_equal_texts_have_equal_numbers(texts: list[str]) -> None:
    numbers = numbers_of_texts(texts).tolist()
    assert len(numbers) == len(texts)
    assert len(set(numbers)) == len(set(texts))


@given(
    st.lists(st.integers(0, 30), max_size=9),
    st.lists(st.lists(st.integers(0, 30), max_size=9), max_size=5),
    st.lists(st.integers(0, 30), max_size=9),
)
def test_a_set_has_what_was_added_however_much_came_between(
    first: list[int], later: list[list[int]], asked: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_RECENT", 4)
        numbers = NumberSet(np.array(first, np.uint64))
        for each in later:
            numbers.add(np.array(each, np.uint64))
    added = {*first, *(number for each in later for number in each)}
    assert numbers.among(np.array(asked, np.uint64)).tolist() == [number in added for number in asked]
