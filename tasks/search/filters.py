"""Filters as values, for programs: typed against the columns of a corpus, and compiled to SQL.

    {"year": {"gte": 2020}, "lang": {"in": ["de", "fr"]}}
    {"or": [{"tags": {"has": "draft"}}, {"not": {"uri": {"like": "%.md"}}}]}

Conditions that stand together must all hold. A value alone is one to be equal to, and null is no value. What a user
gives becomes a literal of the column's type or is refused: never a name, an operator or any other part of the SQL. A
row without a value fulfils no comparison, but fulfils the negation of one.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from tasks.errors import ConfigurationError
from tasks.lake.literals import quoted

Filter = Mapping[str, Any]

_COMPARED = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_OPERATORS = (*_COMPARED, "in", "nin", "like", "has")
_DEEPEST = 32
_MOST = 10_000  # values


def to_sql(condition: Filter, schema: pa.Schema) -> str:
    """A filter as SQL.

    Args:
        condition: columns with what must hold of them; `and`, `or` with a list of conditions, `not` with one.
        schema: the columns that may be named, with their types.

    Raises:
        ConfigurationError: there is no such column or operator, or a value does not fit the column's type.
    """
    return _all(condition, schema, 0)


def _all(condition: Any, schema: pa.Schema, depth: int) -> str:
    if not isinstance(condition, Mapping):
        raise _wrong(f"expected an object of conditions, not {condition!r:.80}")
    if depth > _DEEPEST:
        raise _wrong(f"conditions stand in each other more than {_DEEPEST} deep")
    parts = [_one(key, value, schema, depth) for key, value in condition.items()]
    return " AND ".join(f"({part})" for part in parts) or "true"


def _one(key: Any, value: Any, schema: pa.Schema, depth: int) -> str:
    if key in ("and", "or"):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _wrong(f"{key!r} takes a list of conditions")
        parts = [f"({_all(part, schema, depth + 1)})" for part in value]
        return f" {key.upper()} ".join(parts) or ("true" if key == "and" else "false")
    if key == "not":
        return f"NOT ({_all(value, schema, depth + 1)})"
    if key not in schema.names or pa.types.is_fixed_size_list(schema.field(key).type):
        columns = [field.name for field in schema if not pa.types.is_fixed_size_list(field.type)]
        raise _wrong(f"there is no column {key!r:.80}", f"The columns are {', '.join(columns)}.")
    held = value if isinstance(value, Mapping) else {"eq": value}
    parts = [_compared(key, operator, given, schema.field(key).type) for operator, given in held.items()]
    return " AND ".join(parts) or "true"


def _compared(column: str, operator: str, value: Any, kind: pa.DataType) -> str:
    """One comparison: true or false for every row, never null, so that its negation is its complement."""
    name = f"`{column}`"
    if operator not in _OPERATORS:
        raise _wrong(f"there is no operator {operator!r:.80}", f"The operators are {', '.join(_OPERATORS)}.")
    if operator == "has" or pa.types.is_list(kind):
        if operator != "has" or not pa.types.is_list(kind):
            raise _wrong(f"{column!r} {'takes' if pa.types.is_list(kind) else 'is no list and does not take'} has")
        return f"coalesce(array_has({name}, {_literal(column, value, kind.value_type)}), false)"
    if operator in ("in", "nin"):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _wrong(f"{operator!r} of {column!r} takes a list of values")
        if len(value) > _MOST:
            raise _wrong(f"{operator!r} of {column!r} takes at most {_MOST:,} values")
        literals = sorted({_literal(column, one, kind) for one in value})
        among = f"coalesce({name} IN ({', '.join(literals)}), false)" if literals else "false"
        return among if operator == "in" else f"NOT ({among})"
    if value is None:
        if operator not in ("eq", "ne"):
            raise _wrong(f"{operator!r} of {column!r} takes a value")
        return f"{name} IS {'NOT ' if operator == 'ne' else ''}NULL"
    if operator == "like":
        if not pa.types.is_string(kind):
            raise _wrong(f"{column!r} is no text and does not take like")
        return f"coalesce({name} LIKE {_literal(column, value, kind)}, false)"
    if operator == "ne":
        return f"NOT (coalesce({name} = {_literal(column, value, kind)}, false))"
    return f"coalesce({name} {_COMPARED[operator]} {_literal(column, value, kind)}, false)"


def _literal(column: str, value: Any, kind: pa.DataType) -> str:
    """A value of a column's type, as SQL writes it."""
    if pa.types.is_string(kind) and isinstance(value, str) and "\0" not in value:
        return quoted(value)
    if pa.types.is_boolean(kind) and isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, int) and not isinstance(value, bool)
    if pa.types.is_integer(kind) and whole and -(2**63) < value < 2**63:
        return str(int(value))
    if pa.types.is_floating(kind) and (whole or isinstance(value, float)):
        number = _number(value)
        if math.isfinite(number):
            return f"cast('{number!r}' as double)"
    if pa.types.is_date(kind):
        day = _day(value)
        if day:
            return f"date '{day.isoformat()}'"
    if pa.types.is_timestamp(kind):
        time = _time(value)
        if time:
            return f"timestamp '{time.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f')}'"
    raise _wrong(f"{value!r:.80} is no value of {column!r}, which holds {_NAMES.get(str(kind), str(kind))}")


_NAMES = {
    "string": "text", "int64": "integers", "int32": "integers", "double": "numbers", "bool": "true or false",
    "date32[day]": "days, as 2024-01-31", "timestamp[us, tz=UTC]": "times, as 2024-01-31T12:00:00Z",
}  # fmt: skip


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _day(value: Any) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _time(value: Any) -> datetime | None:
    """A time; one without a zone is UTC."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(time, datetime):
            return None
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _wrong(message: str, hint: str = "See the documentation of `where`.") -> ConfigurationError:
    return ConfigurationError(f"the filter cannot be used: {message}", hint)
