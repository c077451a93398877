"""The retrieval core: a query, by meaning, by words or by both, to scored rows of one version of a table.

The query's vector comes from outside, so that one query may be asked of several tables of a model, and many queries
may be embedded together.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tasks.errors import ConfigurationError
from tasks.lake.nearest import Row, View
from tasks.search.fusion import DEPTH, Fused, Standing, fuse, most_words

Way = Literal["vector", "text", "hybrid"]

_DEPTH, _STEP = 25, 4  # of the first search in one list, and how many times deeper the next one goes
_Search = Callable[[int, str | None], list[Row]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked.

    Attributes:
        text: in words; needed by all but `vector`.
        vector: its vector; needed by all but `text`.
        by: the way.
        limit: most rows.
        offset: rows of the whole list that come before; the list is the same whatever page of it is asked for.
        where: SQL over the columns, applied before the search.
        per_document: most rows of one document.
        min_score: rows with a lower score are left out.
        distinct: each text once, however many rows have it.
    """

    text: str | None
    vector: Sequence[float] | None
    by: Way = "hybrid"
    limit: int = 5
    offset: int = 0
    where: str | None = None
    per_document: int | None = None
    min_score: float | None = None
    distinct: bool = True


@dataclass(frozen=True, slots=True)
class Scales:
    """What a hybrid search needs to know of a table.

    Attributes:
        weight: of meaning against words, from 0 to 1.
        background: cosine similarity of two passages taken at random.
    """

    weight: float
    background: float


class Judged(NamedTuple):
    """What a reranker made of a hit: its rank before, and its score."""

    before: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found.

    Attributes:
        row: its columns, but for the vector.
        rank: its place in the whole list, from 1.
        score: cosine similarity by vector, BM25 by text, the fused score in a hybrid search.
        vector, text: how each list has it, or None.
        judged: what a reranker made of it, or None.
        later: what boosts and diversity made of it.
    """

    row: Row
    rank: int
    score: float
    vector: Standing | None
    text: Standing | None
    judged: Judged | None = None
    later: dict[str, dict[str, float]] = field(default_factory=dict)


def way_for(view: View, by: Way) -> Way:
    """The way in which a table can be searched: a hybrid search of one without a text index is by vector.

    Raises:
        ConfigurationError: it is to be searched by text only, and has no text index.
    """
    if view.has_text_index or by == "vector":
        return by
    if by == "text":
        raise ConfigurationError(
            f"{view.table} has no text index yet",
            "The next run builds it: embedlake run CORPUS.yaml. Or search by vector.",
        )
    return "vector"


def retrieve(view: View, query: Query, scales: Scales | None = None) -> list[Hit]:
    """The rows that answer a query best, best first.

    Raises:
        ConfigurationError: the filter fails on the rows, or the table cannot be searched in this way.
        LakeError: the table cannot be read.
    """
    by = way_for(view, query.by)
    end = query.offset + query.limit
    depth = DEPTH if by == "hybrid" else _DEPTH
    near: list[Row] = []
    matching: list[Row] = []
    while True:
        near = _longer(near, _found(view, query, depth), query) if by != "text" else []
        matching = _longer(matching, _matched(view, query, depth), query) if by != "vector" else []
        kept = list(_kept(_ranked(near, matching, by, query, scales, view), query))
        if len(kept) >= end or max(len(near), len(matching)) < depth:
            return kept[query.offset : end]
        depth *= _STEP


def _longer(known: list[Row], found: list[Row], query: Query) -> list[Row]:
    """A list and what a deeper search adds to it. An index is not exact, and to a deeper search gives other rows
    at the top too: but of one list, each page must follow on the one before."""
    key = _key(query)
    there = {row[key] for row in known}
    return known + [row for row in found if row[key] not in there]


def _key(query: Query) -> str:
    """The column that tells what is found from all else."""
    return "text_hash" if query.distinct else "chunk_id"


def _found(view: View, query: Query, depth: int) -> list[Row]:
    assert query.vector is not None, "a search by vector needs the query's vector"
    vector = query.vector
    rows = _leg(lambda limit, where: view.nearest(vector, limit, where), query, depth)
    return sorted(rows, key=lambda row: (row["_distance"], row["document_id"], row["ordinal"]))


def _matched(view: View, query: Query, depth: int) -> list[Row]:
    text = query.text
    if not text or not view.words(text):
        return []
    rows = _leg(lambda limit, where: view.matching(text, limit, where), query, depth)
    return sorted(rows, key=lambda row: (-row["_score"], row["document_id"], row["ordinal"]))


def _leg(search: _Search, query: Query, depth: int) -> list[Row]:
    """So many rows of one list; with different texts, if that is asked: a further search leaves out those found."""
    if not query.distinct:
        return search(depth, query.where)
    texts: dict[str, Row] = {}
    while len(texts) < depth:
        others = "text_hash NOT IN (" + ", ".join(f"'{text_hash}'" for text_hash in texts) + ")" if texts else None
        wanted = depth - len(texts)
        rows = search(wanted, " AND ".join(f"({part})" for part in (query.where, others) if part) or None)
        for row in sorted(rows, key=lambda row: (row["document_id"], row["ordinal"])):
            texts.setdefault(row["text_hash"], row)
        if len(rows) < wanted:
            break
    return list(texts.values())


def _ranked(
    near: list[Row], matching: list[Row], by: Way, query: Query, scales: Scales | None, view: View
) -> Iterable[tuple[Row, Fused]]:
    """All rows of the lists with their scores, best first."""
    key = _key(query)
    rows: dict[str, Row] = {}
    for row in [*near, *matching]:
        best = rows.setdefault(row[key], row)
        if (row["document_id"], row["ordinal"]) < (best["document_id"], best["ordinal"]):
            rows[row[key]] = row
    nearness = [(row[key], 1.0 - row["_distance"]) for row in near]
    scores = [(row[key], float(row["_score"])) for row in matching]
    if by == "hybrid":
        assert scales is not None, "a hybrid search needs the table's scales"
        most = most_words(len(view.words(query.text or "")), view.rows)
        return [(rows[one.key], one) for one in fuse(nearness, scores, scales.weight, scales.background, most)]
    alone = nearness or scores
    standings = [(found, score, Standing(rank, score, 1.0)) for rank, (found, score) in enumerate(alone, 1)]
    return [
        (rows[found], Fused(found, score, standing if by == "vector" else None, standing if by == "text" else None))
        for found, score, standing in standings
    ]


def _kept(found: Iterable[tuple[Row, Fused]], query: Query) -> Iterable[Hit]:
    """The rows that are not left out, with their ranks."""
    documents: Counter[str] = Counter()
    rank = 0
    for row, one in found:
        documents[row["document_id"]] += 1
        if query.per_document is not None and documents[row["document_id"]] > query.per_document:
            continue
        if query.min_score is not None and one.score < query.min_score:
            continue
        rank += 1
        yield Hit(row, rank, one.score, one.vector, one.text)
