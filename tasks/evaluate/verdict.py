"""Whether a table is worse than the live one, by the latest evaluation that has both.

It is not worse if it is, with 95 % confidence, worse by less than a margin (a test of non-inferiority: Piaggio et al.,
2012). The whole search is judged, by the way that is the corpus's default, where an evaluation has both tables in it:
what a model gains by vector can vanish once it is joined with words.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tasks.evaluate.results import JUDGMENTS
from tasks.evaluate.statistics import difference_interval
from tasks.hashing import is_sealed
from tasks.lake.literals import quoted
from tasks.lake.schemas import EVALUATIONS
from tasks.lake.tables import Lake
from tasks.search.retrieve import Way

_WAYS: tuple[Way, ...] = ("hybrid", "vector", "text")  # behind the default, the nearest to a whole search first
_CHANGE = 0.1  # of a table's rows, since it was measured: more, and what was found is not believed any more

_Row = dict[str, Any]
_Asked = tuple[Way, bool]  # how an arm was searched, and whether it was reranked


@dataclass(frozen=True, slots=True)
class Verdict:
    """A table beside the live one.

    Attributes:
        evaluation: that it stands on.
        measure: by which they were compared, such as nDCG@10; with the way, where that is not the default.
        difference: of the means, candidate − live.
        low, high: its 95 % interval, over the same queries.
        margin: by which the candidate may be worse.
        queries: how many.
        not_worse: whether the interval lies above −margin.
        when: it was measured.
    """

    evaluation: str
    measure: str
    difference: float
    low: float
    high: float
    margin: float
    queries: int
    not_worse: bool
    when: datetime


def latest_verdict(lake: Lake, candidate: str, live: str) -> Verdict | None:
    """What the latest evaluation with both tables says; None if there is none. One by somebody's judgments counts
    before one by known items, and then one in the way in which the corpus is searched by default before another. None
    counts of a table that has grown or shrunk by more than a tenth since.

    Args:
        lake: that has them.
        candidate, live: full names of tables.
    """
    both = f"`table` IN ({quoted(candidate)}, {quoted(live)})"
    today = {table: lake.count(table) for table in (candidate, live)}
    evaluations: dict[str, dict[_Asked, dict[str, _Row]]] = {}
    for row in lake.read(lake.name("evaluations"), EVALUATIONS.names, both).to_pylist():
        if is_sealed(row) and abs(today[row["table"]] - row["table_rows"]) <= _CHANGE * today[row["table"]]:
            pairs = evaluations.setdefault(row["evaluation"], {})
            pairs.setdefault((row["way"], row["reranked"]), {})[row["table"]] = row
    order = _preferred(lake)
    found: list[tuple[tuple[bool, bool, datetime], _Asked, dict[str, _Row]]] = []
    for pairs in evaluations.values():
        asked = next((asked for asked in order if {candidate, live} <= pairs.get(asked, {}).keys()), None)
        if asked and candidate != live:
            pair = pairs[asked]
            found.append(((pair[live]["kind"] == JUDGMENTS, asked[0] == order[0][0], pair[live]["time"]), asked, pair))
    if not found:
        return None
    _, asked, pair = max(found, key=lambda one: one[0])
    new, old = pair[candidate], pair[live]
    change = difference_interval(np.array(new["values"]) - np.array(old["values"]))
    margin = float(new["margin"])
    return Verdict(
        new["evaluation"], _measure(new["measure"], asked, order[0]), change.mean, change.low, change.high, margin,
        len(new["values"]), change.low > -margin, new["time"],
    )  # fmt: skip


def _preferred(lake: Lake) -> list[_Asked]:
    """How arms may be searched, the whole search that users get first. Known items are never reranked."""
    search = lake.corpus.search
    ways = [search.by, *(way for way in _WAYS if way != search.by)]
    return [(way, reranked) for way in ways for reranked in ((True, False) if search.rerank else (False,))]


def _measure(name: str, asked: _Asked, default: _Asked) -> str:
    way, reranked = asked
    by = f" by {way}" if way != default[0] else ""
    return f"{name}{by}{' without the reranker' if default[1] and not reranked else ''}"
