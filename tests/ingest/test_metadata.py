"""Metadata: a value is of its type exactly, or its field is null; never cut, never guessed."""

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.metadata import UnfitValue, cast, fields_of, in_plain_names

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)

FITS: list[tuple[str, Any, Any]] = [
    ("integer", "2020.0", 2020), ("integer", " 7 ", 7), ("integer", "1e3", 1000), ("integer", 1e3, 1000),
    ("integer", Decimal("5.00"), 5), ("integer", -(2**63), -(2**63)), ("integer", "+5", 5), ("integer", b"12", 12),
    ("integer", float("nan"), None), ("integer", " ", None), ("integer", None, None), ("integer", "NaN", None),
    ("number", "1.5", 1.5), ("number", 3, 3.0), ("number", Decimal("0.25"), 0.25), ("number", ".5", 0.5),
    ("boolean", "TRUE", True), ("boolean", 0, False), ("boolean", 1.0, True), ("boolean", "", None),
    ("date", "2024-03-01", NOON.date()), ("date", "20240301", NOON.date()), ("date", "2024/03/01", NOON.date()),
    ("date", "2024-03-01T23:30:00-05:00", NOON.date()), ("date", NOON, NOON.date()), ("date", NOON.date(), NOON.date()),
    ("datetime", "2024-03-01T12:00:00Z", NOON), ("datetime", "2024-03-01 14:00+02:00", NOON),
    ("datetime", "2024-03-01 12:00:00 UTC", NOON), ("datetime", "2024-03-01T12:00:00.000000000Z", NOON),
    ("datetime", "2024-03-01T12:00", NOON), ("datetime", NOON.replace(tzinfo=None), NOON),
    ("datetime", NOON.timestamp(), NOON), ("datetime", NOON.timestamp() * 1000, NOON),
    ("datetime", str(int(NOON.timestamp())), NOON), ("datetime", "Fri, 01 Mar 2024 13:00:00 +0100", NOON),
    ("datetime", "D:20240301130000+01'00'", NOON), ("datetime", "D:20240301120000Z", NOON),
    ("datetime", "2024-03-01", NOON.replace(hour=0)), ("datetime", NOON.date(), NOON.replace(hour=0)),
    ("string", 5, "5"), ("string", True, "true"), ("string", ["a", 1], "a, 1"), ("string", "", ""),
    ("string", NOON.date(), "2024-03-01"), ("string", b"a", "a"), ("string", float("nan"), None),
    ("strings", ["a", None, 1], ["a", "1"]), ("strings", "a", ["a"]), ("strings", [], []), ("strings", None, None),
]  # fmt: skip

UNFIT: list[tuple[str, Any]] = [
    ("integer", 3.7), ("integer", "3.7"), ("integer", "2,020"), ("integer", "n/a"), ("integer", True),
    ("integer", 2**63), ("integer", "9" * 400), ("integer", "1e300"), ("integer", math.inf), ("integer", [1]),
    ("integer", "1_000"), ("integer", "0x10"), ("integer", {"a": 1}), ("integer", NOON),
    ("number", "1,5"), ("number", "1e999"), ("number", "inf"), ("number", -math.inf), ("number", False),
    ("boolean", "yes"), ("boolean", 2), ("boolean", []),
    ("date", "2024"), ("date", "2024-13-01"), ("date", "01.03.2024"), ("date", "3/1/2024"), ("date", 20240301),
    ("date", "2024-03"), ("date", "2024-W05-1"), ("date", True),
    ("datetime", 2024), ("datetime", "2024"), ("datetime", "soon"), ("datetime", 1e300),
    ("datetime", "2024-03-01T25:00"),
    ("string", {"a": 1}), ("strings", {"a": 1}), ("strings", [["a"]]), ("strings", [{"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "expected"), FITS)
def test_a_value_of_the_type_is_taken(kind: str, value: Any, expected: Any) -> None:
    found = cast(value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("kind", "value"), UNFIT)
def test_any_other_value_makes_its_field_null_and_is_told(kind: str, value: Any) -> None:
    with pytest.raises((UnfitValue, ValueError, OverflowError)):
        cast(value, kind)
    assert fields_of({"field": kind}, {}, [{"field": value}]) == ({"field": None}, {"field": value})


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_stay_however_they_are_written(number: int) -> None:
    for written in (number, str(number), f" {number} ", f"{number}.0", Decimal(number)):
        assert cast(written, "integer") == number


@given(st.floats())
def test_a_float_is_an_integer_only_where_it_is_whole(number: float) -> None:
    values, unfit = fields_of({"n": "integer"}, {}, [{"n": number}])
    if math.isnan(number):
        assert (values, unfit) == ({"n": None}, {})
    elif number.is_integer() and -(2**63) <= number < 2**63:
        assert (values, unfit) == ({"n": int(number)}, {})
    else:
        assert (values, unfit) == ({"n": None}, {"n": number})


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 1, 1), timezones=ZONES))
def test_a_time_is_the_same_however_it_is_written(moment: datetime) -> None:
    assert cast(moment, "datetime") == cast(moment.isoformat(), "datetime") == cast(str(moment), "datetime") == moment
    seconds = moment.replace(microsecond=0)
    assert cast(format_datetime(seconds), "datetime") == seconds
    assert cast(moment.isoformat(), "date") == moment.date()
    assert cast(moment.date().isoformat(), "date") == moment.date()


@given(st.sampled_from(["integer", "number", "boolean", "date", "datetime", "string", "strings"]), st.text())
def test_no_text_whatever_ends_a_run(kind: str, text: str) -> None:
    values, unfit = fields_of({"field": kind}, {}, [{"field": text}])
    assert values["field"] is None or not unfit


def test_the_first_place_that_has_a_value_counts_and_names_may_differ() -> None:
    places = [{"year": None}, {"jahr": "2024", "meta": {"tags": ["a"]}}, {"year": 1, "jahr": 2}]
    kinds = {"year": "integer", "tags": "strings", "none": "string"}
    found = fields_of(kinds, {"year": "jahr", "tags": "meta.tags"}, places)
    assert found == ({"year": 2024, "tags": ["a"], "none": None}, {})
    assert fields_of(kinds, {}, places)[0]["year"] == 1


def test_properties_have_names_as_fields_have() -> None:
    found = in_plain_names({"Creation-Date": 1, "article:published_time": 2, "plain": 3, "Plain": 4})
    assert found["creation_date"] == 1
    assert found["article_published_time"] == found["article:published_time"] == 2
    assert found["plain"] == 3
