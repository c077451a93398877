"""Values as the types that a corpus declares for its metadata: exactly, or not at all."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from tasks.sources.fields import as_text, value_at

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_DAY = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d)")
_IN_PDF = re.compile(r"D:(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-]\d\d)'?(\d\d)?'?)?")  # ISO 32000-1, 7.9.4
_FIRST_SECONDS = 1e8  # 1973; a smaller number is rather a year or a count than seconds
_MILLISECONDS = 1e11  # from here on; as seconds, the year 5138


class UnfitValue(ValueError):
    """A value that is not of its field's type."""


def cast(value: Any, kind: str) -> Any:
    """A value as a type of metadata; null where there is none: for None, NaN, and, but for strings, white space.

    - integer: also a whole number as 2020.0, '2020', ' 7 ' or '1e3', of 64 bits. What is not whole is never cut, and
      '2,020' does not fit, since a comma marks thousands for some and decimals for others.
    - number: of a string as well; a finite one.
    - boolean: true and false, 1 and 0, also as strings.
    - date: ISO 8601, also with slashes or without marks between, or the day of a time as it is written.
    - datetime: ISO 8601, as in mails (RFC 5322) and PDF files, or the seconds or milliseconds since 1970; UTC where no
      zone is given, and in UTC.
    - string: of a list, its items with commas between.
    - strings: a list of strings, one string too.

    Raises:
        UnfitValue: it does not fit.
    """
    if (kind == "string" and type(value) is str) or (kind == "integer" and type(value) is int and abs(value) < 2**63):
        return value  # as most are
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, bytes):
        value = as_text(value)
    if isinstance(value, str) and kind not in ("string", "strings"):
        value = value.strip()
        if not value or value.lower() in ("nan", "null", "none"):
            return None
    return _CASTS[kind](value)


def fields_of(
    kinds: Mapping[str, str], names: Mapping[str, str], places: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metadata fields with their values, and the values that do not fit, whose fields are null.

    Args:
        kinds: the type of each field.
        names: what a field is called elsewhere, where that is not its own name; dotted names reach into objects.
        places: where a value may be, the first one that has it counting.
    """
    found, unfit = {}, {}
    for field, kind in kinds.items():
        name = names.get(field, field)
        value = None
        for place in places:
            if (value := value_at(place, name)) is not None:
                break
        try:
            found[field] = cast(value, kind)
        except Exception:  # whatever a value's own text or comparison raises
            found[field], unfit[field] = None, value
    return found, unfit


def in_plain_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a document under their own names and under such as fields have: `Creation-Date` as
    `creation_date`."""
    return {re.sub(r"\W+", "_", name).strip("_").lower(): value for name, value in values.items()} | dict(values)


def _string(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_strings(value))
    if isinstance(value, Mapping):
        raise UnfitValue
    return as_text(value)


def _strings(value: Any) -> list[str]:
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if not isinstance(value, list | tuple):
        return [_string(value)]
    if any(isinstance(item, list | tuple | Mapping) for item in value):
        raise UnfitValue
    return [text for item in value if (text := as_text(item))]


def _decimal(value: Any) -> Decimal:
    """A finite number, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise UnfitValue
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise UnfitValue
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise UnfitValue from None
    if not number.is_finite() or number.adjusted() > 400:  # beyond what a float holds
        raise UnfitValue
    return number


def _integer(value: Any) -> int:
    number = _decimal(value)
    if number.adjusted() > 20 or number != number.to_integral_value():
        raise UnfitValue
    whole = int(number)
    if not -(2**63) <= whole < 2**63:
        raise UnfitValue
    return whole


def _float(value: Any) -> float:
    number = float(_decimal(value))
    if not math.isfinite(number):
        raise UnfitValue
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if not isinstance(value, str) or value.lower() not in _BOOLEANS:
        raise UnfitValue
    return _BOOLEANS[value.lower()]


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise UnfitValue
    return _day(value) or _written_time(value).date()


def _datetime(value: Any) -> datetime:
    if isinstance(value, str):
        value = _day(value) or (float(value) if _NUMBER.fullmatch(value) else _written_time(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) < _FIRST_SECONDS:
            raise UnfitValue
        value = datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS else value, UTC)
    if not isinstance(value, datetime):
        raise UnfitValue
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _day(value: str) -> date | None:
    day = _DAY.fullmatch(value)
    return date(int(day["year"]), int(day["month"]), int(day["day"])) if day else None


def _written_time(value: str) -> datetime:
    """A time as ISO 8601, a mail or a PDF file has it."""
    parts = _IN_PDF.fullmatch(value)
    if parts:
        year, month, day, hour, minute, second, zone, zone_minute = parts.groups()
        clock = f"{hour or '00'}:{minute or '00'}:{second or '00'}"
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{zone or '+00'}:{zone_minute or '00'}")
    if not re.match(r"\d{4}", value):
        return parsedate_to_datetime(value)
    if not re.match(r"\d{4}-?\d\d-?\d\d[T ]?\d\d", value):  # as a week, or a day of the year
        raise UnfitValue
    value = re.sub(r"[ ](?=[+-]\d|UTC$|Z$)", "", value).removesuffix("UTC")
    return datetime.fromisoformat(value)


_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": _string, "strings": _strings, "integer": _integer, "number": _float, "boolean": _boolean,
    "date": _date, "datetime": _datetime,
}  # fmt: skip
