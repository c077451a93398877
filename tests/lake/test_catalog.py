"""Which table serves after a run, and lines of the catalog that come back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake.catalog import STATES, Standing, few_failures, states_after

NAMES = ["a", "b", "c"]
WHOLE, UNFINISHED, UNSOUND = Standing(0, 0, 50), Standing(7, 0, 50), Standing(0, 11, 50)


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, str]:
    """The state of each table; at most one is live."""
    tables = draw(st.lists(st.sampled_from(NAMES), unique=True))
    states = {table: draw(st.sampled_from([s for s in STATES if s != "live"])) for table in tables}
    live = draw(st.sampled_from([None, *tables]))
    return states | ({live: "live"} if live else {})


def after(states: dict[str, str], standing: dict[str, Standing], kept: set[str], primary: str | None) -> dict[str, str]:
    entries: list[dict[str, Any]] = [{"table": table, "state": state} for table, state in states.items()]
    return states_after(entries, {table: standing.get(table, WHOLE) for table in states}, kept, primary)


@given(
    catalogs(),
    st.fixed_dictionaries({name: st.sampled_from([WHOLE, UNFINISHED, UNSOUND]) for name in NAMES}),
    st.sets(st.sampled_from(NAMES)),
    st.sampled_from([None, *NAMES]),
)
def test_what_serves_goes_on_until_a_whole_one_takes_its_place(
    states: dict[str, str], standing: dict[str, Standing], kept: set[str], primary: str | None
) -> None:
    kept &= states.keys()
    if primary is not None:
        kept |= {primary} & states.keys()
    found = after(states, standing, kept, primary)
    assert found.keys() == states.keys()
    assert set(found.values()) <= set(STATES)
    was, now = ([table for table, state in each.items() if state == "live"] for each in (states, found))
    assert len(now) <= 1
    assert bool(now) or not was
    if now != was:
        [table] = now
        assert table in kept
        assert standing[table].complete
        assert standing[table].sound
        assert primary in (table, None)
    for table, state in found.items():
        assert state != "ready" or standing[table].complete or (primary is None and table not in kept)
        assert state != "building" or table in kept or (primary is None and states[table] == "building")
    assert after(found, standing, kept, primary) == found


def test_a_table_that_a_run_leaves_behind_is_frozen_once_it_lacks_something() -> None:
    states = {"a": "live", "b": "ready", "c": "building"}
    standing = {"b": UNFINISHED, "c": WHOLE}
    assert after(states, standing, {"a"}, "a") == {"a": "live", "b": "frozen", "c": "ready"}
    assert after({"a": "live", "b": "frozen"}, {}, {"a"}, "a") == {"a": "live", "b": "frozen"}


def test_a_backfill_leaves_other_tables_to_their_runs() -> None:
    states = {"a": "live", "b": "building", "c": "building"}
    standing = {"a": UNFINISHED, "b": UNFINISHED, "c": WHOLE}
    assert after(states, standing, {"c"}, None) == {"a": "live", "b": "building", "c": "ready"}


def test_a_backfill_makes_its_table_live_where_none_is() -> None:
    assert after({"a": "building", "b": "building"}, {"a": UNFINISHED}, {"b"}, None) == {"a": "building", "b": "live"}


@pytest.mark.parametrize(("standing", "state"), [(WHOLE, "live"), (UNSOUND, "ready"), (UNFINISHED, "building")])
def test_the_first_model_s_table_serves_when_it_is_whole_and_sound(standing: Standing, state: str) -> None:
    found = after({"a": "live", "b": "building"}, {"b": standing, "a": UNFINISHED}, {"b"}, "b")
    assert found == {"a": "frozen" if state == "live" else "live", "b": state}


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_table_is_sound_with_ten_failures_or_one_in_a_hundred(failed: int, rows: int) -> None:
    assert Standing(0, failed, rows).sound == (failed <= 10 or 100 * failed <= rows + failed)
    assert few_failures(rows) >= 10
