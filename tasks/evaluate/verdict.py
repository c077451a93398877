"""What the latest evaluation says of one table against another."""

from dataclasses import dataclass
from datetime import datetime

from tasks.lake.tables import Lake


@dataclass(frozen=True, slots=True)
class Verdict:
    """A table compared with another on the same queries.

    Attributes:
        evaluation: its id.
        measure: what was compared, such as nDCG@10.
        difference: candidate less live, the mean over queries; low, high: its 95 % interval.
        margin: by how much the candidate may be worse and pass.
        queries: how many.
        not_worse: whether it is shown to be worse by no more than the margin.
        when: it was made.
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
    """What the latest evaluation of two tables, given by their full names, says; None where there is none."""
    return None
