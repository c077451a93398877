"""How alike two models of a corpus are: whether a passage has the same neighbours by both."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

import numpy as np

from tasks.errors import ConfigurationError
from tasks.evaluate.agreement import overlap, rank_biased_overlap
from tasks.lake.catalog import entry_of
from tasks.lake.literals import quoted
from tasks.lake.nearest import USUAL, Effort, View, matrix
from tasks.lake.recall import effort_in
from tasks.lake.tables import Lake

NEAREST = 10
_SAMPLE = 200  # passages whose neighbours are looked at
_List = list[tuple[str, int]]  # texts by their hashes, each with a row that has it
_Lists = tuple[_List, _List]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A passage, and what is nearest to it by each of two models.

    Attributes:
        document_id, text: the passage.
        overlap: the share of its nearest that both have.
        first, second: the texts nearest to it by each, nearest first.
    """

    document_id: str
    text: str
    overlap: float
    first: list[str]
    second: list[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two tables are.

    Attributes:
        first, second: the tables, full names.
        passages: that were looked at.
        overlap: the share of the ten nearest of a passage that both have, the mean over passages.
        rank_biased_overlap: the same, the first ones counting most.
        different: the passages with the least in common.
    """

    first: str
    second: str
    passages: int
    overlap: float
    rank_biased_overlap: float
    different: list[Neighbours]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def likeness(lake: Lake, first: str, second: str, examples: int = 3) -> Likeness:
    """Compare the neighbours that some passages, spread over the corpus, have in two tables.

    Args:
        lake: that has both.
        first, second: the tables, full names.
        examples: passages with the least in common to show.

    Raises:
        ConfigurationError: the tables have no passage in common.
        LakeError: a table cannot be read.
    """
    views = View(lake, first), View(lake, second)
    efforts = _effort(lake, first), _effort(lake, second)
    sample = views[0].sample(_SAMPLE, ["chunk_id", "document_id", "text", "text_hash", "vector"])
    chunk_ids = sample["chunk_id"].to_pylist()
    there = {row["chunk_id"]: row["vector"] for row in _vectors(views[1], chunk_ids)}
    found: list[tuple[dict[str, Any], _Lists]] = []
    for row, vector in zip(sample.to_pylist(), matrix(sample), strict=True):
        if (other := there.get(row["chunk_id"])) is not None:
            own = row["text_hash"]
            nearest = _others(views[0], vector.tolist(), own, efforts[0]), _others(views[1], other, own, efforts[1])
            found.append((row, nearest))
    if not found:
        raise ConfigurationError(
            f"{first} and {second} have no passage in common", "Fill both: embedlake backfill CORPUS.yaml --model MODEL"
        )
    hashes = [([key for key, _ in one], [key for key, _ in other]) for _, (one, other) in found]
    shares = [overlap(one, other, NEAREST) for one, other in hashes]
    ranked = [rank_biased_overlap(one, other, NEAREST) for one, other in hashes]
    least = [(*found[i], shares[i]) for i in np.argsort(shares, kind="stable")[:examples]]
    different = [
        Neighbours(row["document_id"], row["text"], share, _texts(views[0], one), _texts(views[1], other))
        for row, (one, other), share in least
    ]
    return Likeness(first, second, len(found), mean(shares), mean(ranked), different)


def _vectors(view: View, chunk_ids: Sequence[str]) -> list[dict[str, Any]]:
    return view.matched(f"chunk_id IN ({', '.join(map(quoted, chunk_ids))})", ["chunk_id", "vector"])


def _effort(lake: Lake, table: str) -> Effort:
    """How much everybody's searches of a table look at."""
    entry = entry_of(lake, table)
    return effort_in(entry) if entry else USUAL


def _others(view: View, vector: Sequence[float], own: str, effort: Effort) -> _List:
    """The texts nearest to a vector but its own, by their hashes, each with a row that has it."""
    nearest: dict[str, int] = {}
    for one in view.nearest(vector, 3 * NEAREST, effort=effort):
        if one.text_hash != own:
            nearest.setdefault(one.text_hash, one.row_id)
    return list(nearest.items())[:NEAREST]


def _texts(view: View, rows: Sequence[tuple[str, int]]) -> list[str]:
    return [row["text"] for row in view.rows_of([row_id for _, row_id in rows], ["text"])]
