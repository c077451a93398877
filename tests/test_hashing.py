"""Hashes: equal for what is equal, and other ones for what is not."""

import datetime
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tasks.hashing import hash_bytes, hash_fields, hash_settings, hash_text, sealed

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "c", "run", "version"]), SCALARS)


@given(st.lists(VALUES, max_size=4))
def test_values_have_a_hash_of_32_digits_that_stays(values: list[Any]) -> None:
    found = hash_fields(*values)
    assert re.fullmatch("[0-9a-f]{32}", found)
    assert hash_fields(*values) == found


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=2, max_size=4))
def test_the_order_of_keys_changes_no_hash(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert hash_fields(value) == hash_fields(turned)
    assert hash_settings(value) == hash_settings(turned) == hash_fields(value)[:12]


@given(st.lists(SCALARS, max_size=4), st.lists(SCALARS, max_size=4))
def test_other_values_have_another_hash(one: list[Any], other: list[Any]) -> None:
    told = [[(type(value), value) for value in values] for values in (one, other)]
    assert (hash_fields(*one) == hash_fields(*other)) == (told[0] == told[1])


def test_where_one_value_ends_and_the_next_begins_counts() -> None:
    assert len({hash_fields("ab", "c"), hash_fields("a", "bc"), hash_fields("abc"), hash_fields(["ab", "c"])}) == 4
    assert hash_fields(1) != hash_fields("1")


def test_values_that_json_does_not_know_have_a_hash() -> None:
    odd = [2**70, "\ud800", {1: "a"}, datetime.date(2024, 1, 2), float("nan")]
    assert len({hash_fields(value) for value in odd}) == len(odd)


def test_a_text_is_its_utf8_bytes() -> None:
    assert hash_text("é") == hash_bytes(b"\xc3\xa9")
    assert hash_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb924"  # as SHA-256 is published


@given(ROWS)
def test_a_seal_is_of_all_columns_but_the_run_and_those_that_are_null(row: dict[str, Any]) -> None:
    found = sealed(row)
    assert {**found, "version": row.get("version")} == {"version": None, **row}
    assert sealed(found) == found
    assert sealed(row | {"run": "another", "more": None})["version"] == found["version"]
    assert sealed(row | {"a": "changed"})["version"] != sealed(row | {"a": "again"})["version"]
