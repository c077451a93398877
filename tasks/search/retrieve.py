"""The retrieval core: a query, by meaning, by words or by both, to scored rows of one version of a table.

The query's vector comes from outside, so that one query may be asked of several tables of a model, and many queries
may be embedded together.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import compress
from math import inf
from typing import Literal, NamedTuple

from tasks.errors import ConfigurationError
from tasks.lake.literals import all_of, quoted
from tasks.lake.nearest import FIRST, USUAL, Effort, Found, Row, View
from tasks.search.fusion import DEPTH, Fused, Standing, fuse, most_words
from tasks.search.gap import Gap
from tasks.search.looks import VISUAL, unlike

Way = Literal["vector", "text", "hybrid"]

_STEP = 4  # how many times deeper than the first search of a list the next one goes
_LEGS = ThreadPoolExecutor(thread_name_prefix="by-words")  # a hybrid search makes both lists at once
_Search = Callable[[int, str | None], list[Found]]


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
        effort: how much of the vector index is looked at.
        gaps: of a table with rows of several modalities, how those of each are compared; else none.
        beside: words to look for beside the text's, and how much each counts.
        unlike: of images that look alike only the best.
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
    effort: Effort = USUAL
    gaps: Sequence[Gap] = ()
    beside: Sequence[tuple[str, float]] = ()
    unlike: bool = False


@dataclass(frozen=True, slots=True)
class Scales:
    """What a hybrid search needs to know of a table.

    Attributes:
        weight: of meaning against words, from 0 to 1.
        background: cosine similarity of two passages taken at random.
    """

    weight: float
    background: float


class _Candidate(NamedTuple):
    """A row that one list has; the key tells it from all that is not the same to the query."""

    key: str
    row_id: int
    score: float


class Judged(NamedTuple):
    """What a reranker made of a hit: its rank before, and its score."""

    before: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found.

    Attributes:
        row: what a search shows of it.
        rank: its place in the whole list, from 1.
        score: cosine similarity by vector, BM25 by text, the fused score in a hybrid search.
        vector, text: how each list has it, or None.
        judged: what a reranker made of it, or None.
        later: what boosts and diversity made of it.
        key: tells it from all that is not the same to the query: its text's hash where each text counts once, else its
            row's id.
    """

    row: Row
    rank: int
    score: float
    vector: Standing | None
    text: Standing | None
    judged: Judged | None = None
    later: dict[str, dict[str, float]] = field(default_factory=dict)
    key: str = ""


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
    depth = DEPTH if by == "hybrid" else FIRST
    near: list[_Candidate] = []
    matching: list[_Candidate] = []
    while True:
        words = _LEGS.submit(_by_words, view, query, depth) if by == "hybrid" else None
        try:
            near = _longer(near, _by_meaning(view, query, depth) if by != "text" else [])
        finally:
            by_words = words.result() if words else []
        matching = _longer(matching, _by_words(view, query, depth) if by == "text" else by_words)
        ranked = _ranked(view, near, matching, by, query, scales)
        if len(ranked) >= end or max(len(near), len(matching)) < depth:
            break
        depth *= _STEP
    shown = ranked[query.offset : end]
    rows = view.rows_of([row_id for row_id, _ in shown])
    return [
        Hit(row, rank, one.score, one.vector, one.text, key=one.key)
        for rank, (row, (_, one)) in enumerate(zip(rows, shown, strict=True), query.offset + 1)
    ]


def _longer(known: list[_Candidate], found: list[_Candidate]) -> list[_Candidate]:
    """A list and what a deeper search adds to it. An index is not exact, and to a deeper search gives other rows
    at the top too: but of one list, each page must follow on the one before."""
    there = {one.key for one in known}
    return known + [one for one in found if one.key not in there]


def _by_meaning(view: View, query: Query, depth: int) -> list[_Candidate]:
    assert query.vector is not None, "a search by vector needs the query's vector"
    vector = query.vector

    def search(limit: int, where: str | None) -> list[Found]:
        return [one._replace(score=1.0 - one.score) for one in view.nearest(vector, limit, where, query.effort)]

    if not query.gaps:
        return _leg(view, search, query, depth)
    merged: list[_Candidate] = []
    settled = -inf  # what is below may come after what a deeper search finds
    for gap in query.gaps:
        own = replace(query, where=all_of(query.where, of_modality(gap.modality)))
        leg = [one._replace(score=gap.told(one.score)) for one in _leg(view, search, own, depth)]
        settled = max(settled, leg[-1].score) if len(leg) >= depth else settled
        merged += leg
    return _sorted(view, [one for one in merged if one.score >= settled])


def of_modality(name: str) -> str:
    """A filter that lets rows of a modality through."""
    return "(modality = 'text' OR modality IS NULL)" if name == "text" else f"modality = {quoted(name)}"


def _by_words(view: View, query: Query, depth: int) -> list[_Candidate]:
    text = query.text
    if not text or not view.words(text):
        return []
    return _leg(view, lambda limit, where: view.matching(text, limit, where, query.beside), query, depth)


def _leg(view: View, search: _Search, query: Query, depth: int) -> list[_Candidate]:
    """So many rows of one list; with different texts, if that is asked. Where some texts are there more than once, more
    rows are asked for, and then a further search leaves out the texts that were found, which reads all of them."""
    found = search(depth, query.where)
    if not query.distinct:
        return _sorted(view, [_Candidate(str(one.row_id), one.row_id, one.score) for one in found])
    candidates = _distinct(view, found)
    if len(candidates) < depth == len(found):
        found = search(depth * _STEP, query.where)
        candidates = _distinct(view, found)[:depth]
        asked = depth * _STEP
        while len(candidates) < depth and len(found) == asked:
            others = ", ".join(f"'{one.key}'" for one in candidates)
            asked = depth - len(candidates)
            found = search(asked, all_of(query.where, f"text_hash NOT IN ({others})"))
            candidates = _sorted(view, candidates + _distinct(view, found))
    return candidates


def _distinct(view: View, found: list[Found]) -> list[_Candidate]:
    """Each text once, by the row of the first document that has it."""
    counts = Counter(one.text_hash for one in found)
    places = _places(view, [one.row_id for one in found if counts[one.text_hash] > 1])
    first: dict[str, Found] = {}
    for one in found:
        known = first.setdefault(one.text_hash, one)
        if known is not one and places[one.row_id] < places[known.row_id]:
            first[one.text_hash] = one
    return _sorted(view, [_Candidate(one.text_hash, one.row_id, one.score) for one in first.values()])


def _sorted(view: View, candidates: list[_Candidate]) -> list[_Candidate]:
    """Best first; rows with one score by document and ordinal, wherever in the table they lie."""
    counts = Counter(one.score for one in candidates)
    places = _places(view, [one.row_id for one in candidates if counts[one.score] > 1])
    return sorted(candidates, key=lambda one: (-one.score, places.get(one.row_id, ())))


def _places(view: View, row_ids: Sequence[int]) -> dict[int, tuple[str, int]]:
    """The document and the ordinal of rows. They take time to read, and few searches need them."""
    rows = view.rows_of(row_ids, ["document_id", "ordinal"])
    return {row_id: (row["document_id"], row["ordinal"]) for row_id, row in zip(row_ids, rows, strict=True)}


def _ranked(
    view: View, near: list[_Candidate], matching: list[_Candidate], by: Way, query: Query, scales: Scales | None
) -> list[tuple[int, Fused]]:
    """The row ids of all that is not left out, best first."""
    row_ids = {one.key: one.row_id for one in near}
    other = [one for one in matching if row_ids.setdefault(one.key, one.row_id) != one.row_id]
    places = _places(view, [one.row_id for one in other] + [row_ids[one.key] for one in other])
    for one in other:
        row_ids[one.key] = min(one.row_id, row_ids[one.key], key=lambda row_id: places[row_id])
    ranked = [(row_ids[one.key], one) for one in _fused(view, near, matching, by, query, scales)]
    if query.gaps:
        ranked = list(_each_picture_once(view, ranked))
    if query.unlike and VISUAL in view.columns:
        looks = view.rows_of([row_id for row_id, _ in ranked], [VISUAL])
        ranked = list(compress(ranked, unlike([row[VISUAL] for row in looks])))
    if query.min_score is not None:
        ranked = [(row_id, one) for row_id, one in ranked if one.score >= query.min_score]
    if query.per_document is not None:
        ranked = list(_few_of_each(view, ranked, query.per_document))
    return ranked


def _fused(
    view: View, near: list[_Candidate], matching: list[_Candidate], by: Way, query: Query, scales: Scales | None
) -> list[Fused]:
    if by == "hybrid":
        assert scales is not None, "a hybrid search needs the table's scales"
        most = most_words(len(view.words(query.text or "")), view.rows)
        lists = [[(one.key, one.score) for one in candidates] for candidates in (near, matching)]
        return fuse(lists[0], lists[1], scales.weight, scales.background, most)
    standings = [(one, Standing(rank, one.score, 1.0)) for rank, one in enumerate(near or matching, 1)]
    return [
        Fused(one.key, one.score, standing if by == "vector" else None, standing if by == "text" else None)
        for one, standing in standings
    ]


def _each_picture_once(view: View, ranked: list[tuple[int, Fused]]) -> Iterator[tuple[int, Fused]]:
    """Of an image and its caption, the image where the first of both stands. What is said in a sound has a reference
    too, and is no caption: it has the hash of what it refers to."""
    columns = ["document_id", "content_reference", "content_hash", "modality"]
    rows = view.rows_of([row_id for row_id, _ in ranked], [name for name in columns if name in view.columns])
    pictures: dict[tuple[str, str], int] = {}
    keys: list[tuple[str, str] | None] = []
    for row, (row_id, _) in zip(rows, ranked, strict=True):
        reference = row.get("content_reference")
        if row.get("modality") == "text" and row.get("content_hash"):
            reference = None
        keys.append((row["document_id"], reference) if reference else None)
        if reference and row["modality"] != "text":
            pictures[row["document_id"], reference] = row_id
    seen: set[tuple[str, str]] = set()
    for key, (row_id, one) in zip(keys, ranked, strict=True):
        if key is None:
            yield row_id, one
        elif key not in seen:
            seen.add(key)
            yield pictures.get(key, row_id), one


def _few_of_each(view: View, ranked: list[tuple[int, Fused]], most: int) -> Iterator[tuple[int, Fused]]:
    """At most so many of each document."""
    documents: Counter[str] = Counter()
    rows = view.rows_of([row_id for row_id, _ in ranked], ["document_id"])
    for row, one in zip(rows, ranked, strict=True):
        documents[row["document_id"]] += 1
        if documents[row["document_id"]] <= most:
            yield one
