"""What an evaluation found, as plain values that a report, the lake and JSON show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tasks.evaluate.arms import Arm, Shown
from tasks.evaluate.measures import MAIN
from tasks.evaluate.statistics import Comparison, Interval, Values

JUDGMENTS = "judgments"
"""What an evaluation by somebody's judgments stands on; others stand on known items."""


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What was found of an arm.

    Attributes:
        arm: which; its label tells it in a report.
        reference: the model, as the corpus file names it.
        version: of the table, when it was searched; None of a candidate that has no table.
        rows, dimension: of the table; of a candidate: of the sample.
        bytes: of the table's rows on disk, indexes left out; of a candidate as the whole corpus would take them.
        values: of each measure, by query, in the evaluation's order.
        means: of each measure, with intervals.
        baseline: label of the arm that it is compared with: the reference's table, in the same way where that is an arm
            too; empty of the reference itself.
        comparison: with it, by the main measure; None of the reference itself.
        queries_per_second: searches one after another, the embedding of the query included.
        repeating: share of the first ten passages that nearly repeat one above them.
        cost: of embedding the whole corpus with it: in words, as far as it is known.
        notes: what must be known to read the figures.
    """

    arm: Arm
    reference: str
    version: int | None
    rows: int
    dimension: int
    bytes: int | None
    values: Mapping[str, Values]
    means: Mapping[str, Interval]
    baseline: str
    comparison: Comparison | None
    queries_per_second: float
    repeating: float
    cost: str
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without those of single queries."""
        told = asdict(self) | {"label": self.arm.label}
        del told["values"]
        return told


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two arms answer: mean overlap of the first ten, and mean rank-biased overlap, from 0 to 1."""

    first: str
    second: str
    overlap: float
    rank_biased: float


@dataclass(frozen=True, slots=True)
class Side:
    """What arms give for one query, side by side.

    Attributes:
        query: its text.
        relevant: documents that are judged relevant, as the corpus has them.
        values: of the main measure, by arm's label; empty without judgments.
        lists: the first passages, by arm's label.
    """

    query: str
    relevant: list[str]
    values: dict[str, float]
    lists: dict[str, list[Shown]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Arms compared over the same queries.

    Attributes:
        identity: of the evaluation, 32 hexadecimal digits.
        corpus: its name.
        when: it began, UTC.
        kind: `judgments`, or what the known items are made of.
        hash: of queries and judgments.
        queries: ids, in the order of all values.
        arms: the reference first.
        margin: by which an arm may be worse than another and still count as not worse.
        agreement: of pairs of arms.
        sides: queries whose lists differ most.
        told: what was left out and what else must be known, in whole sentences.
    """

    identity: str
    corpus: str
    when: datetime
    kind: str
    hash: str
    queries: list[str]
    arms: list[ArmResult]
    margin: float
    agreement: list[Agreement]
    sides: list[Side]
    told: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "evaluation": self.identity, "corpus": self.corpus, "when": self.when.isoformat(), "kind": self.kind,
            "hash": self.hash, "queries": len(self.queries), "measure": MAIN, "margin": self.margin,
            "arms": [arm.to_dict() for arm in self.arms],
            "conclusions": [conclusion(arm, self) for arm in self.arms[1:]],
            "agreement": [asdict(pair) for pair in self.agreement], "told": self.told,
        }  # fmt: skip


def conclusion(result: ArmResult, evaluation: Evaluation) -> str:
    """In a sentence, how an arm does beside its baseline."""
    found, reference = result.comparison, result.baseline
    if found is None:
        return f"{result.arm.label} is the reference"
    change = f"{found.difference.mean:+.3f} {MAIN} ({found.difference.low:+.3f} to {found.difference.high:+.3f})"
    if found.p_corrected < 0.05:
        better = "better" if found.difference.mean > 0 else "worse"
        return f"{result.arm.label} is {better} than {reference}: {change}, p = {found.p_corrected:.4f}"
    if found.difference.low > -evaluation.margin:
        return f"{result.arm.label} is not worse than {reference} by more than {evaluation.margin:g}: {change}"
    few = f"{len(evaluation.queries)} queries are too few to tell less than {found.smallest:.3f}"
    return f"{result.arm.label} and {reference} cannot be told apart: {change}; {few}"
