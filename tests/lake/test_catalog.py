"""Which tables are kept up, and which one serves, after a run."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake.catalog import STATES, Standing, changes_after, few_failures, states_after

NAMES = ["a", "b", "c"]
WHOLE, UNFINISHED, UNSOUND = Standing(0, 0, 50), Standing(7, 0, 50), Standing(0, 11, 50)
MOSTLY_FAILED = Standing(0, 9, 8)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, str]:
    """The state of each table; at most one is live."""
    tables = draw(st.lists(st.sampled_from(NAMES), unique=True))
    states = {table: draw(st.sampled_from([s for s in STATES if s != "live"])) for table in tables}
    live = draw(st.sampled_from([None, *tables]))
    return states | ({live: "live"} if live else {})


def lines(states: dict[str, str], **columns: Any) -> list[dict[str, Any]]:
    return [{"table": table, "state": state} | columns.get(table, {}) for table, state in states.items()]


def after(
    states: dict[str, str],
    standing: dict[str, Standing],
    kept: set[str],
    order: list[str] | None = None,
    whole: bool = True,
) -> dict[str, str]:
    stands = {table: standing.get(table, WHOLE) for table in states}
    return states_after(lines(states), stands, kept, sorted(kept) if order is None else order, whole)


@given(
    catalogs(),
    st.fixed_dictionaries({name: st.sampled_from([WHOLE, UNFINISHED, UNSOUND, MOSTLY_FAILED]) for name in NAMES}),
    st.sets(st.sampled_from(NAMES)),
    st.permutations(NAMES),
    st.booleans(),
)
def test_a_run_makes_a_table_live_only_where_none_is(
    states: dict[str, str], standing: dict[str, Standing], kept: set[str], order: list[str], whole: bool
) -> None:
    kept &= states.keys()
    found = after(states, standing, kept, order, whole)
    assert found.keys() == states.keys()
    assert set(found.values()) <= set(STATES)
    was, now = ([table for table, state in each.items() if state == "live"] for each in (states, found))
    assert len(now) <= 1
    if was:
        assert now == was
    may = [t for t in order if standing[t].complete and standing[t].sound and found.get(t) in ("ready", "live")]
    if not was:
        assert now == [t for t in order if t in kept and t in may][:1] or (not whole and now == may[:1])
    for table, state in found.items():
        if whole and state != "live":
            assert (state == "frozen") == (table not in kept)
        if table in kept and state != "live":
            assert (state == "ready") == standing[table].complete
    assert after(found, standing, kept, order, whole) == found


def test_the_order_of_the_file_promotes_nothing() -> None:
    assert after({"a": "live", "b": "building"}, {}, {"a", "b"}, ["b", "a"]) == {"a": "live", "b": "ready"}


def test_a_table_that_the_file_does_not_name_is_frozen() -> None:
    states = {"a": "live", "b": "ready", "c": "building"}
    assert after(states, {"b": UNFINISHED}, {"a"}) == {"a": "live", "b": "frozen", "c": "frozen"}
    assert after({"a": "live", "b": "frozen"}, {}, {"a", "b"}) == {"a": "live", "b": "ready"}


def test_what_serves_stays_live_though_it_cannot_be_kept_up() -> None:
    assert after({"a": "live", "b": "building"}, {"a": UNFINISHED}, {"b"}) == {"a": "live", "b": "ready"}


def test_a_backfill_leaves_other_tables_to_their_runs() -> None:
    states = {"a": "live", "b": "building", "c": "building"}
    standing = {"a": UNFINISHED, "b": UNFINISHED, "c": WHOLE}
    assert after(states, standing, {"c"}, whole=False) == {"a": "live", "b": "building", "c": "ready"}


def test_a_backfill_makes_its_table_live_where_none_is() -> None:
    states = {"a": "building", "b": "building"}
    assert after(states, {"a": UNFINISHED}, {"b"}, whole=False) == {"a": "building", "b": "live"}


@pytest.mark.parametrize("standing", [UNFINISHED, UNSOUND, MOSTLY_FAILED])
def test_the_first_table_that_may_serve_does(standing: Standing) -> None:
    states = {"a": "building", "b": "building"}
    assert after(states, {"a": standing}, {"a", "b"}, ["a", "b"])["b"] == "live"
    assert "live" not in after(states, {"a": standing, "b": standing}, {"a", "b"}, ["a", "b"]).values()


def test_it_is_noted_since_when_a_table_is_behind() -> None:
    entries = lines({"a": "live", "b": "frozen", "c": "frozen"}, b={"behind_since": LONG_AGO})
    stands = {"a": UNFINISHED, "b": UNFINISHED, "c": WHOLE}
    changes = changes_after(entries, stands, set(), [], whole=True)
    assert changes.keys() == {"a"}
    assert changes["a"]["behind_since"] > LONG_AGO
    assert changes_after(entries, stands | {"b": WHOLE}, {"a"}, [], whole=True) == {"b": {"behind_since": None}}
    assert changes_after(entries, stands, {"a"}, [], whole=False) == {}


def test_what_is_kept_up_is_not_to_be_removed() -> None:
    entries = lines({"a": "live", "b": "frozen"}, b={"retire_at": LONG_AGO})
    changes = changes_after(entries, {"a": WHOLE, "b": WHOLE}, {"a", "b"}, [], whole=True)
    assert changes == {"b": {"state": "ready", "retire_at": None}}


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_table_is_sound_with_few_failures_and_not_most(failed: int, rows: int) -> None:
    assert Standing(0, failed, rows).sound == ((failed <= 10 or 100 * failed <= rows + failed) and failed <= rows)
    assert few_failures(rows) >= 10
