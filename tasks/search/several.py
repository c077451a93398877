"""One list of several corpora that have the same model.

Cosine similarities of one model compare as they are. BM25 scores do not, as the rarity of words grows with a corpus:
each is taken as a share of the score that a passage of its corpus would have with every word of the query
(`tasks.search.fusion.most_words`), and a search by text shows that share. Both lists are merged by these, and fused
once, so that a corpus of poor passages gives few of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import mean
from typing import Unpack

import numpy as np

from tasks.errors import ConfigurationError
from tasks.lake.recall import effort_in
from tasks.models.interface import Vectors
from tasks.search.arrange import POOL, rearranged
from tasks.search.fusion import DEPTH, Fused, Standing, fuse, most_words
from tasks.search.options import Asked, Options
from tasks.search.passage import Passages
from tasks.search.prepared import Prepared, note_of
from tasks.search.query import OpenLake
from tasks.search.retrieve import Hit, Query, Way, retrieve
from tasks.search.vocabulary import Wider, wider

_STEP = 4  # times deeper the next search of each list goes


def search_all(lakes: Sequence[OpenLake], query: str, **options: Unpack[Options]) -> Passages:
    """The passages of several corpora that answer a query best, best first; `corpus` of each says where it is from.

    Args:
        lakes: of the corpora; the model of each is of the same revision, and the first one's query prompt counts.
        query: a question or a few words.
        options: of `OpenLake.search`. `where` and `boost` must fit each corpus. There is no reranking.

    Raises:
        ConfigurationError: the models differ, an option fits one of the corpora not, or a reranker is asked for.
        ModelError: the model cannot be loaded, or is not the one that filled the tables.
        LakeError: a table cannot be read.
    """
    asked = Asked(**options)
    if not lakes or not query.strip():
        raise ConfigurationError("the query is empty" if lakes else "no corpus is named", "Ask something.")
    if asked.rerank:
        raise ConfigurationError("a search of several corpora has no reranker", "Search without one.")
    found = [lake._prepared(asked) for lake in lakes]
    if len({one.row["revision"] for one in found}) > 1:
        told = ", ".join(f"{one.corpus.name} has {one.row['model']} {one.row['revision']}" for one in found)
        raise ConfigurationError(
            f"the corpora have different models: {told}", "Search each alone, or backfill the same model."
        )
    by = _way(found)
    [vector] = lakes[0]._vectors(found[0].row, [query]) if by != "text" else [None]
    vectors = lakes[0].word_vectors(asked.widened_by) if asked.widened else None
    expanded = [() if vectors is None else wider(query, vectors, one.view) for one in found]
    hits = _page(_Lists(found, query, vector, by, expanded), asked)
    passages = Passages()
    passages.analysis = next((one.view.analysis for one in found if one.view.analysis), None)
    for place, hit in hits:
        [passage] = replace(found[place], by=by).passages([hit], asked.context)
        passages.append(passage)
    passages.note = note_of(found)
    passages.expanded = tuple({one.word: one for words in expanded for one in words}.values())
    return passages


def _way(found: Sequence[Prepared]) -> Way:
    """By words too where one of them has a text index; the others are then found by meaning."""
    ways = {one.by for one in found}
    return "hybrid" if len(ways) > 1 else ways.pop()


_Placed = tuple[int, Hit]  # the place of its corpus, and a row of it


class _Lists:
    """The list of all corpora, to any depth."""

    def __init__(
        self,
        found: Sequence[Prepared],
        query: str,
        vector: Sequence[float] | None,
        by: Way,
        expanded: Sequence[tuple[Wider, ...]],
    ) -> None:
        self.found, self._query, self._vector, self._by = found, query, vector, by
        self._beside = [[(one.word, one.weight) for one in words] for words in expanded]
        self.background = mean(one.scales.background for one in found if one.scales) if _scaled(found) else 0.0

    def first(self, depth: int) -> tuple[list[_Placed], bool]:
        """What the first so many of each list give, best first, and whether deeper lists would give more."""
        near, more_near = self._merged("vector", depth) if self._by != "text" else ([], False)
        matching, more_matching = self._merged("text", depth) if self._by != "vector" else ([], False)
        more = more_near or more_matching
        if self._by != "hybrid":
            way = self._by
            alone = [
                (place, replace(hit, vector=s if way == "vector" else None, text=s if way == "text" else None))
                for rank, (place, hit) in enumerate(near or matching, 1)
                for s in [Standing(rank, hit.score, 1.0)]
            ]
            return alone, more
        higher = sorted([*enumerate(near), *enumerate(matching)], key=lambda one: one[0])
        rows = {self._key(one): one for _, one in reversed(higher)}  # as the list has it that has it higher
        scores = [[(self._key(one), one[1].score) for one in part] for part in (near, matching)]
        weight = mean(one.scales.weight for one in self.found if one.scales)
        fused = fuse(scores[0], scores[1], weight, self.background, 1.0)
        return [(rows[one.key][0], _hit(rows[one.key][1], one)) for one in fused], more

    def _merged(self, way: Way, depth: int) -> tuple[list[_Placed], bool]:
        """One list of all corpora, each text once if that is asked of all, and whether it goes on."""
        placed: list[_Placed] = []
        for place, one in enumerate(self.found):
            if way == "text" and not one.view.has_text_index:
                continue
            effort = effort_in(one.row)
            gaps = one.gaps(self._vector if way == "vector" else None)
            sought = Query(
                self._query, self._vector, way, depth, 0, one.where, distinct=one.distinct, effort=effort, gaps=gaps,
                beside=self._beside[place], unlike=one.unlike,
            )  # fmt: skip
            most = most_words(len(one.view.words(self._query)), one.view.rows) if way == "text" else 1.0
            placed += [(place, replace(hit, score=hit.score / most)) for hit in retrieve(one.view, sought)]
        placed.sort(key=lambda one: (-one[1].score, one[0], one[1].rank))
        best: dict[str, _Placed] = {}
        for candidate in placed:
            best.setdefault(self._key(candidate), candidate)
        return list(best.values())[:depth], len(placed) >= depth

    def _key(self, one: _Placed) -> str:
        place, hit = one
        if all(prepared.distinct for prepared in self.found):
            return hit.key
        return f"{place} {hit.row['chunk_id']}"

    def vectors(self, placed: Sequence[_Placed]) -> Vectors:
        """The vectors of some rows."""
        chunks: dict[int, list[str]] = {}
        for place, hit in placed:
            chunks.setdefault(place, []).append(hit.row["chunk_id"])
        there = {place: iter(self.found[place].view.vectors_of(ids)) for place, ids in chunks.items()}
        return np.array([next(there[place]) for place, _ in placed], np.float32)


def _page(lists: _Lists, asked: Asked) -> list[_Placed]:
    pool = POOL if asked.boost or asked.diverse else 0
    end = max(pool, asked.offset + asked.limit)
    depth = DEPTH
    while True:
        all_of_them, more = lists.first(depth)
        kept = list(_kept(all_of_them, asked))
        if len(kept) >= end or not more:
            break
        depth *= _STEP
    places = {id(hit.row): place for place, hit in kept}

    def placed(hits: Iterable[Hit]) -> list[_Placed]:
        return [(places[id(hit.row)], hit) for hit in hits]

    hits = [replace(hit, rank=rank) for rank, (_, hit) in enumerate(kept, 1)]
    ordered = rearranged(hits, pool, asked, lambda some: lists.vectors(placed(some)), lists.background)
    return placed(ordered[asked.offset : asked.offset + asked.limit])


def _kept(found: Iterable[_Placed], asked: Asked) -> Iterable[_Placed]:
    documents: Counter[tuple[int, str]] = Counter()
    for place, hit in found:
        documents[place, hit.row["document_id"]] += 1
        if asked.per_document is not None and documents[place, hit.row["document_id"]] > asked.per_document:
            continue
        if asked.min_score is None or hit.score >= asked.min_score:
            yield place, hit


def _hit(hit: Hit, one: Fused) -> Hit:
    return replace(hit, score=one.score, vector=one.vector, text=one.text)


def _scaled(found: Sequence[Prepared]) -> bool:
    return any(one.scales for one in found)
