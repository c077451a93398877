"""Whether a table is worse than the live one, by the latest evaluation that has both.

It is not worse if it is, with 95 % confidence, worse by less than a margin (a test of non-inferiority: Piaggio et al.,
2012). The whole search is judged, by the way that is the corpus's default: what a model gains by vector can vanish once
it is joined with words.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A table beside the live one.

    Attributes:
        evaluation: that it stands on.
        measure: by which they were compared, such as nDCG@10.
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
    """What the latest evaluation with both tables says, by the way in which the corpus is searched by default; None if
    there is none. One by somebody's judgments counts before one by known items.

    Args:
        lake: that has them.
        candidate, live: full names of tables.
    """
    reranked = lake.corpus.search.rerank is not None
    both = f"`table` IN ({quoted(candidate)}, {quoted(live)})"
    rows = lake.read(
        lake.name("evaluations"), EVALUATIONS.names, f"{both} AND way = {quoted(lake.corpus.search.by)}"
    ).to_pylist()
    pairs: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["reranked"] == reranked and is_sealed(row):
            pairs.setdefault(row["evaluation"], {})[row["table"]] = row
    whole = [pair for pair in pairs.values() if candidate in pair and live in pair and candidate != live]
    if not whole:
        return None
    latest = max(whole, key=lambda pair: (pair[live]["kind"] == JUDGMENTS, pair[live]["time"]))
    new, old = latest[candidate], latest[live]
    found = difference_interval(np.array(new["values"]) - np.array(old["values"]))
    margin = float(new["margin"])
    return Verdict(
        new["evaluation"], new["measure"], found.mean, found.low, found.high, margin, len(new["values"]),
        found.low > -margin, new["time"],
    )  # fmt: skip
