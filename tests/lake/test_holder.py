"""Who holds a lease: conditions that a row is as it was read, and what is told of a holder."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lance
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.lake.holder import LEASES, Holder, claim, same

TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6), st.just("o'brien''"))
WHOLE = st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1))
TIMES = st.one_of(st.none(), st.floats(allow_nan=False), st.just(math.nan))
ROWS = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(["documents", "notes.o'brien"]), "holder": TEXTS, "place": TEXTS, "host": TEXTS,
        "process": WHOLE, "epoch": WHOLE, "since": TIMES, "heartbeat": TIMES, "started": WHOLE,
    }
)  # fmt: skip


def holder(**values: Any) -> Holder:
    return Holder.of({"scope": "documents", **claim("run", 1), **values})


def like(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows are equal to an eye that takes one NaN for another."""
    return all(
        one[name] == other[name] or (one[name] != one[name] and other[name] != other[name]) for name in LEASES.names
    )


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=4))
def test_the_condition_of_a_row_lets_through_it_and_its_equals(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    dataset = lance.write_dataset(pa.Table.from_pylist(rows, schema=LEASES), tmp_path_factory.mktemp("leases") / "l")
    for row in rows:
        found = dataset.to_table(filter=same(row)).to_pylist()
        assert len(found) == sum(like(row, other) for other in rows)
        assert all(like(row, other) for other in found)


@given(ROWS)
def test_a_row_of_anything_is_told_to_a_person(row: dict[str, Any]) -> None:
    found = Holder.of(row)
    assert found.told().startswith(f"run {row['holder'] or ''} on {row['host'] or ''} (process ")
    assert set(found.identity()) == {"holder", "place", "process", "epoch", "since"}
    assert None not in found.identity().values()
    assert found.free() or found.holder


def test_this_process_is_seen_to_hold_and_nobody_is_free() -> None:
    assert not holder().free()
    assert holder(holder="").free()
    assert holder(holder=None).free()


@pytest.mark.parametrize(
    ("values", "free"),
    [
        ({"process": 2**62}, True),  # more than a process id can be
        ({"process": 0}, False),
        ({"process": -1}, False),
        ({"process": None}, False),
        ({"process": 2**62, "place": "elsewhere"}, False),
        ({"started": 1}, True),  # the id came again
        ({"started": None}, False),
    ],
)
def test_a_process_is_gone_only_where_that_can_be_seen(values: dict[str, Any], free: bool) -> None:
    assert holder(**values).free() == free


@pytest.mark.parametrize(
    ("age", "fresh"), [(0.0, True), (9.0, True), (11.0, False), (-60.0, False), (math.inf, False), (math.nan, False)]
)
def test_a_sign_of_life_is_fresh_if_it_is_of_the_last_seconds(age: float, fresh: bool) -> None:
    assert holder(heartbeat=time.time() - age).fresh(10) == fresh


CHANGES: list[Callable[[Holder], Holder]] = [
    lambda row: replace(row, holder="other"),
    lambda row: replace(row, place="elsewhere"),
    lambda row: replace(row, process=row.process + 1),
    lambda row: replace(row, epoch=row.epoch + 1),
    lambda row: replace(row, since=row.since + 1),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_holding_is_told_from_every_other(change: Callable[[Holder], Holder]) -> None:
    row = holder()
    assert change(row).identity() != row.identity()


def test_a_sign_of_life_leaves_a_holding_the_same() -> None:
    row = holder()
    assert holder(since=row.since, heartbeat=row.heartbeat + 5).identity() == row.identity()
    assert row.process == os.getpid()
