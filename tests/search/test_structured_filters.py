"""Filters as values: the rows that they let through are those that Python would, and no value becomes SQL."""

import operator
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import ConfigurationError
from tasks.search.filters import to_sql

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64()), pa.field("lang", pa.string()), pa.field("year", pa.int64()),
        pa.field("share", pa.float64()), pa.field("draft", pa.bool_()), pa.field("day", pa.date32()),
        pa.field("seen", pa.timestamp("us", tz="UTC")), pa.field("tags", pa.list_(pa.string())),
        pa.field("vector", pa.list_(pa.float32(), 2)),
    ]
)  # fmt: skip
TEXTS = ["de", "it's", "a\\b", "x' OR '1'='1", "%", "", "--", "`", '"q"', "日本", "a;b", "\n"]
YEARS = [-1, 0, 2020, 2021, 2**62]
SHARES = [-1.5, 0.0, 1e-9, 3.25, 1e300]
DAYS = [date(1969, 12, 31), date(2024, 1, 31), date(2024, 2, 29)]
TIMES = [datetime(2024, 1, 31, 12, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 10**6)]
VALUES: dict[str, list[Any]] = {
    "lang": TEXTS, "year": YEARS, "share": SHARES, "draft": [True, False], "day": DAYS, "seen": TIMES,
}  # fmt: skip


def _rows() -> list[dict[str, Any]]:
    rows = []
    for i in range(60):
        row: dict[str, Any] = {name: None if i % 7 == n else values[(i * (n + 3)) % len(values)]
                               for n, (name, values) in enumerate(VALUES.items())}  # fmt: skip
        tags = None if i % 5 == 0 else [TEXTS[j] for j in range(len(TEXTS)) if (i >> j % 6) & 1]
        rows.append(row | {"id": i, "tags": tags, "vector": [1.0, float(i)]})
    return rows


ROWS = _rows()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    db = lancedb.connect(tmp_path_factory.mktemp("filters"))
    return db.create_table("t", pa.Table.from_pylist(ROWS, schema=SCHEMA))


COMPARE = {
    "eq": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip


def holds(row: dict[str, Any], condition: dict[str, Any]) -> bool:
    """What a filter means, by hand."""
    return all(_holds(row, key, value) for key, value in condition.items())


def _holds(row: dict[str, Any], key: str, value: Any) -> bool:
    if key == "and":
        return all(holds(row, part) for part in value)
    if key == "or":
        return any(holds(row, part) for part in value)
    if key == "not":
        return not holds(row, value)
    comparisons = value if isinstance(value, dict) else {"eq": value}
    return all(_compares(row[key], name, given) for name, given in comparisons.items())


def _compares(there: Any, name: str, value: Any) -> bool:
    if name == "ne":
        return not _compares(there, "eq", value)
    if name == "nin":
        return there not in value
    if name == "in":
        return there in value
    if value is None:
        return there is None
    if there is None:
        return False
    if name == "has":
        return value in there
    return bool(COMPARE[name](there, value))


def _column(name: str) -> st.SearchStrategy[Any]:
    value = st.sampled_from(VALUES[name])
    one = st.one_of(
        st.tuples(st.sampled_from(["eq", "ne"]), st.none() | value),
        st.tuples(st.sampled_from(["gt", "gte", "lt", "lte"]), value),
        st.tuples(st.sampled_from(["in", "nin"]), st.lists(value, max_size=4)),
    )
    return st.one_of(value, st.none(), st.lists(one, min_size=1, max_size=2).map(dict)).map(lambda held: {name: held})


TAGS = st.sampled_from(TEXTS).map(lambda text: {"tags": {"has": text}})
CONDITIONS = st.recursive(
    st.one_of(TAGS, *map(_column, VALUES)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
        st.lists(inner, min_size=2, max_size=2).map(lambda parts: parts[0] | parts[1]),
    ),
    max_leaves=6,
)


@given(CONDITIONS)
@settings(max_examples=150)
def test_a_filter_lets_through_what_python_would(table: Any, condition: dict[str, Any]) -> None:
    where = to_sql(condition, SCHEMA)
    found = table.search([1.0, 0.0]).where(where, prefilter=True).limit(100).select(["id"]).to_list()
    assert sorted(row["id"] for row in found) == [row["id"] for row in ROWS if holds(row, condition)]


@given(st.text(max_size=20), st.sampled_from(["eq", "ne", "gt", "like"]))
def test_no_text_becomes_sql(table: Any, text: str, name: str) -> None:
    try:
        where = to_sql({"lang": {name: text}}, SCHEMA)
    except ConfigurationError:
        assert "\0" in text
        return
    count = table.count_rows(where)
    if name == "eq":
        assert count == sum(row["lang"] == text for row in ROWS)
    if name == "ne":
        assert count == sum(row["lang"] != text for row in ROWS)


def test_like_is_that_of_sql(table: Any) -> None:
    where = to_sql({"lang": {"like": "%d%"}}, SCHEMA)
    assert table.count_rows(where) == sum(fnmatchcase(row["lang"] or "", "*d*") for row in ROWS)


@pytest.mark.parametrize(
    "condition",
    [
        {"no": 1}, {"year": "2020"}, {"year": True}, {"year": 1.5}, {"year": 2**63}, {"share": float("nan")},
        {"share": 10**400}, {"draft": 1}, {"day": "31.1.2024"}, {"seen": "soon"}, {"lang": 3}, {"lang": ["de"]},
        {"lang": {"in": "de"}}, {"lang": {"has": "d"}}, {"tags": "x"}, {"tags": {"in": ["x"]}}, {"year": {"gt": None}},
        {"year": {"like": "2%"}}, {"year": {"between": [1, 2]}}, {"vector": 1}, {"or": {"year": 1}}, {"not": [1]}, [],
        "year = 1", {"year) OR (1=1": 1}, {1: 1}, {"lang": {"in": ["x"] * 10_001}}, {"lang": "a\0b"},
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(condition: Any) -> None:
    with pytest.raises(ConfigurationError, match="the filter cannot be used"):
        to_sql(condition, SCHEMA)


def test_conditions_are_not_endlessly_deep() -> None:
    condition: dict[str, Any] = {"year": 1}
    for _ in range(1000):
        condition = {"not": condition}
    with pytest.raises(ConfigurationError, match="deep"):
        to_sql(condition, SCHEMA)
