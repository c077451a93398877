"""Scores raised by a number or a date that a document has.

A score s becomes s × (1 + the sum of weight × value), so that a boost means the same whatever the scale of the scores.
The value goes from 0 to 1: of a number, its place between the least and the greatest among the candidates; of a date,
2 to the power of −age / half-life, by whole days. A row without a value has 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tasks.errors import ConfigurationError
from tasks.search.retrieve import Hit

_MOST = 10.0
_KINDS = {"integer": False, "number": False, "date": True, "datetime": True}  # and whether it is a time


@dataclass(frozen=True, slots=True)
class Boost:
    """What raises scores.

    Attributes:
        field: of the corpus's metadata: integer, number, date or datetime.
        weight: from 0 to 10: with 0.2, the highest value raises a score by a fifth.
        half_life: of dates, in days: a document of that age has half the value of one of today.
    """

    field: str
    weight: float = 0.2
    half_life: float | None = None


def boosts_of(given: Boost | Mapping[str, Any] | Sequence[Boost | Mapping[str, Any]] | None) -> list[Boost]:
    """Boosts from what a program gave: one or several, as they are or as objects with their attributes.

    Raises:
        ConfigurationError: an attribute is missing, unknown or of another type.
    """
    several = [] if given is None else [given] if isinstance(given, Boost | Mapping) else list(given)
    return [one if isinstance(one, Boost) else _boost_of(one) for one in several]


def check_boosts(boosts: Sequence[Boost], metadata: Mapping[str, str]) -> None:
    """Look whether a corpus can be boosted so.

    Args:
        boosts: that are asked for.
        metadata: the corpus's fields with their types.

    Raises:
        ConfigurationError: it has no such field, or the weight or the half-life does not fit.
    """
    for boost in boosts:
        kind = metadata.get(boost.field, "")
        if kind not in _KINDS:
            there = ", ".join(name for name, one in metadata.items() if one in _KINDS) or "none"
            raise _wrong(f"{boost.field!r} is no number and no date of the corpus", f"Such fields: {there}.")
        if not 0 < boost.weight <= _MOST:
            raise _wrong(f"the weight {boost.weight:g} is not above 0 and up to {_MOST:g}", "0.2 is a good beginning.")
        if _KINDS[kind] and not (boost.half_life and 0 < boost.half_life < float("inf")):
            raise _wrong(f"{boost.field!r} is a date, and needs a half-life", "Give it in days, such as 365.")
        if not _KINDS[kind] and boost.half_life is not None:
            raise _wrong(f"{boost.field!r} is a number, and has no half-life", "Leave it out.")


def boosted(hits: Sequence[Hit], boosts: Sequence[Boost], today: date | None = None) -> list[Hit]:
    """Hits with raised scores, in their order; of equal ones the order stays.

    Args:
        hits: best first.
        boosts: that were looked at.
        today: by which ages count.
    """
    factors = [1.0] * len(hits)
    for boost in boosts:
        values = [hit.row.get(boost.field) for hit in hits]
        found = _shares(values) if boost.half_life is None else _freshness(values, boost.half_life, today or _today())
        factors = [factor + boost.weight * value for factor, value in zip(factors, found, strict=True)]
    raised = [
        replace(hit, score=_raised(hit.score, factor), later=hit.later | {"boost": {"before": hit.score, "by": factor}})
        for hit, factor in zip(hits, factors, strict=True)
    ]
    return sorted(raised, key=lambda hit: -hit.score)


def _raised(score: float, factor: float) -> float:
    return score * factor if score >= 0 else score / factor


def _shares(values: Sequence[Any]) -> list[float]:
    known = [float(value) for value in values if value is not None and value == value]
    least, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    return [(float(v) - least) / span if span and v is not None and v == v else 0.0 for v in values]


def _freshness(values: Sequence[Any], half_life: float, today: date) -> list[float]:
    days = [value.date() if isinstance(value, datetime) else value for value in values]
    return [0.0 if day is None else 2.0 ** (-max((today - day).days, 0) / half_life) for day in days]


def _today() -> date:
    return datetime.now(UTC).date()


def _boost_of(given: Any) -> Boost:
    try:
        found = Boost(**given)
        numbers = [found.weight, 0.0 if found.half_life is None else found.half_life]
        if isinstance(found.field, str) and all(type(n) in (int, float) for n in numbers):
            return found
    except TypeError:
        pass
    raise _wrong(f"{given!r:.80} is no boost", 'Write {"field": "year", "weight": 0.2}, of a date with "half_life".')


def _wrong(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"the boost cannot be used: {message}", hint)
