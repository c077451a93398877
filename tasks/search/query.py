"""Searching a corpus by meaning, and the small Python API for notebooks.

from embedlake import open_lake

lake = open_lake("configs/docs.yaml")
for passage in lake.search("run something when the interpreter exits"):
    print(passage.score, passage.document_id, passage.text)
frame = lake.table().to_pandas()
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

from tasks.config.loading import load_corpus
from tasks.config.models import kept_model
from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError
from tasks.lake.catalog import taken_by
from tasks.lake.literals import all_of
from tasks.lake.recall import effort_in
from tasks.lake.tables import Lake
from tasks.models.template import Template
from tasks.rerank.choose import load_reranker
from tasks.rerank.interface import Reranker
from tasks.search.arrange import POOL, rearranged
from tasks.search.boost import check_boosts
from tasks.search.clones import Clones, clones_in
from tasks.search.filters import Filter
from tasks.search.gap import Gap, modalities_of
from tasks.search.looks import ALIKE, IMAGES, VISUAL
from tasks.search.opened import OpenTables
from tasks.search.options import Asked, Boosts, Modality, Options
from tasks.search.passage import Passages
from tasks.search.prepared import Prepared, note_of
from tasks.search.reranked import reranked
from tasks.search.retrieve import Hit, Query, Way, of_modality, retrieve, way_for
from tasks.search.scales import scales_of
from tasks.search.similar import cut, in_table, mean_of, vector_of
from tasks.search.vocabulary import wider


class OpenLake(OpenTables):
    """A corpus's lake, for searching and reading.

    Args:
        lake: its tables.
    """

    def __init__(self, lake: Lake) -> None:
        super().__init__(lake)
        self._reranker: Reranker | None = None

    def search(
        self,
        query: str | None = None,
        model: str | None = None,
        limit: int = 5,
        where: str | Filter | None = None,
        *,
        image: str | Path | bytes | None = None,
        audio: str | Path | bytes | None = None,
        by: Way | None = None,
        weight: float | None = None,
        offset: int = 0,
        per_document: int | None = None,
        min_score: float | None = None,
        context: int = 0,
        rerank: bool | Reranker | None = None,
        boost: Boosts = None,
        diverse: float = 0.0,
        modality: Modality | None = None,
        expand: str | bool | None = None,
    ) -> Passages:
        """The passages that answer a query best, best first.

        Args:
            query: a question or a few words.
            image: the path or the content of an image, instead: by a model that takes images, by vector.
            audio: the same of a sound. One that is longer than the chunks of sound is cut as they are: its vector is
                the mean of those of its pieces, of the first 60.
            model: name of a model or its table; the live one by default.
            limit: most passages.
            where: SQL over the columns, such as `uri LIKE '%.md' AND year >= 2020`; or a filter as a value, such as
                `{"year": {"gte": 2020}, "lang": {"in": ["de", "fr"]}}`, see `tasks.search.filters`.
            by: `vector`: by meaning; `text`: by words; `hybrid`: by both. By default as the corpus file says; a table
                without a text index is searched by vector.
            weight: of meaning against words in a hybrid search, from 0 to 1.
            offset: passages that come before, for pages after the first.
            per_document: most passages of one document.
            min_score: passages with a lower score are left out; that is the score before any boost and reranker.
            context: chunks before and behind each passage that become part of it.
            rerank: by the reranker that the corpus file names, or by this one; by default where the file names one.
                One that fails or is late leaves the order as it was, and `note` of the result says so.
            boost: a `Boost`, or `{"field": "year", "weight": 0.2}`, of dates with `"half_life"` in days; or several. Of
                the best hundred the scores are raised by it, see `tasks.search.boost`. Not together with a reranker.
            diverse: from 0 to 1, how much it counts that a passage is unlike those above it, among the best hundred or
                the reranker's candidates (maximal marginal relevance, see `tasks.search.diverse`).
            modality: only text, only images, or only sound. By default all that the model takes, in one list: the
                similarities of images and sound are told as those of texts are, see `tasks.search.gap`, and an image
                and its caption are one.
            expand: word vectors, by which words near the query's are looked for too and count less: a model of the
                corpus, a file, or `package:NAME`; True for those of the corpus. `expanded` of the result has the words.
                See `tasks.search.vocabulary`.

        Whatever of these is asked, pages are parts of one list. They are applied in this order: filter, both lists and
        their fusion, minimum score, passages of one document, reranker or boost, diversity, page.

        Raises:
            ConfigurationError: there is no such model in the lake, the filter is not valid, the corpus file names no
                reranker, or options make no sense together.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
            LakeError: the table cannot be read.
        """
        asked = Asked(
            model, limit, where, by, weight, offset, per_document, min_score, context, rerank, boost, diverse, modality,
            expand,
        )  # fmt: skip
        given = {"image": image, "audio": audio}
        files = [(modality, file) for modality, file in given.items() if file is not None]
        if (query is not None) + len(files) != 1:
            raise ConfigurationError("give either a question, an image or a sound", "One of them, not several.")
        return self._answers([query], asked)[0] if query is not None else self._like(*files[0], asked)

    def search_many(self, queries: Sequence[str], **options: Unpack[Options]) -> list[Passages]:
        """What `search` finds for each of several queries, which are embedded together; all in one version of the
        table.

        Args:
            queries: questions or a few words each.
            options: of `search`, for all of them.
        """
        return self._answers(queries, Asked(**options))

    async def search_async(self, query: str, **options: Unpack[Options]) -> Passages:
        """The same as `search`, in a thread, so that others can go on meanwhile."""
        return await asyncio.to_thread(self.search, query, **options)

    def similar(
        self,
        identity: str | None = None,
        model: str | None = None,
        limit: int = 5,
        where: str | Filter | None = None,
        *,
        text: str | Sequence[str] | None = None,
        offset: int = 0,
        per_document: int | None = 1,
        min_score: float | None = None,
        context: int = 0,
    ) -> Passages:
        """The passages of other documents that are nearest in meaning to a document or a chunk, best first; nothing is
        embedded for that. Or those that are nearest to a text.

        Args:
            identity: a document id or a chunk id; or some lines of a document or of a file on this machine, such as
                `docs:store.py:120-160`: then passages that have some of them are left out, and others of that document
                are not.
            text: a text instead, or the passages of one: its vector is the mean of theirs.
            model, limit, where, offset, per_document, min_score, context: as in `search`.

        Raises:
            ConfigurationError: there is no such document, chunk, line or model in the lake, the filter is not valid, or
                not one of `identity` and `text` is given.
            ModelError: the model of a text cannot be loaded, or is not the one that filled the table.
            LakeError: the table cannot be read.
        """
        from tasks.search.region import lines_in, region_of  # no other search waits for what decodes files

        row = self.entry(model)
        where = self._condition(row["table"], where)
        view = self._view(row["table"])
        pieces = cut(text) if isinstance(text, str) else list(text or ())
        if (identity is None) == (not any(piece.strip() for piece in pieces)):
            raise ConfigurationError("give either an id or a text, one that is not empty", "Such as docs:a.pdf.")
        others: str | None = None
        lines = lines_in(identity) if identity is not None and not in_table(view, identity) else None
        if lines:
            chosen, others = region_of(view, self._lake.corpus, lines)
            pieces = cut(chosen)
        if pieces:
            template = Template(kept_model(row["settings"]))
            contents = [template.render(None, (), piece) for piece in pieces]
            vector = mean_of(self._text_vectors(row, contents))
        else:
            vector, others = vector_of(view, identity or "")
        condition = all_of(where, others)
        distinct, effort = self._distinct, effort_in(row)
        asked = Query(
            None,
            vector,
            "vector",
            limit,
            offset,
            condition,
            per_document,
            min_score,
            distinct,
            effort,
            unlike=self._unlike,
        )
        found = Prepared(self._lake.corpus, row, view, "vector", condition, None, distinct)
        passages = found.passages(retrieve(view, asked), context)
        passages.note = note_of([found])
        return passages

    def clones(
        self,
        model: str | None = None,
        above: float = 0.95,
        limit: int = 100,
        where: str | Filter | None = None,
        least: int = 30,
        exact: bool = True,
        images: bool = False,
    ) -> Clones:
        """The pairs of passages that are most alike, best first; nothing is embedded for that. See
        `tasks.search.clones`.

        Args:
            model, where: as in `search`.
            above: least cosine of a pair.
            limit: most pairs that are told; all are counted.
            least: passages of fewer tokens are left out.
            exact: also tell pairs of equal text.
            images: of images instead, whose perceptual hashes differ in 6 bits or fewer of 64; `above` and `least` do
                not count.

        Raises:
            ConfigurationError: there is no such model in the lake, the filter is not valid, or no hashes are kept.
            LakeError: the table cannot be read.
        """
        row = self.entry(model)
        if images:
            view = self._view(row["table"])
            if VISUAL not in view.columns:
                raise ConfigurationError(
                    "the table is of an embedlake that did not keep what images look like", "Run once, which adds it."
                )
            condition = all_of(self._condition(row["table"], where), IMAGES) or IMAGES
            return clones_in(view, condition, ALIKE, limit, exact, effort_in(row), images=True)
        long_enough = f"token_count >= {least}"
        condition = all_of(self._condition(row["table"], where), long_enough) or long_enough
        return clones_in(self._view(row["table"]), condition, above, limit, exact, effort_in(row))

    def _answers(self, queries: Sequence[str], asked: Asked) -> list[Passages]:
        if not all(query.strip() for query in queries):
            raise ConfigurationError("the query is empty", "Ask something.")
        found = self._prepared(asked)
        vectors = self._vectors(found.row, queries) if queries and found.by != "text" else [None] * len(queries)
        return [self._answer(found, query, vector, asked) for query, vector in zip(queries, vectors, strict=True)]

    def _like(self, modality: str, file: str | Path | bytes, asked: Asked) -> Passages:
        """What is like an image or a sound."""
        if asked.by in ("text", "hybrid") or asked.weight is not None or asked.rerank:
            name = {"image": "an image", "audio": "a sound"}[modality]
            raise ConfigurationError(f"{name} has no words", "Search by vector, without a weight and a reranker.")
        from tasks.search.likeness import read_query

        found = self._prepared(replace(asked, by="vector"))
        content = file if isinstance(file, bytes) else read_query(Path(file), modality)
        vector = self._content_vector(found.row, modality, content)
        return self._answer(found, None, vector, replace(asked, by="vector", rerank=False))

    def _prepared(self, asked: Asked) -> Prepared:
        """What every query of a search needs of this lake: a table at one version, and what is known of it.

        Raises:
            ConfigurationError, LakeError: as `search`.
        """
        corpus = self._lake.corpus
        row = self.entry(asked.model)
        where = self._condition(row["table"], asked.where)
        if asked.modality:
            where = all_of(where, of_modality(asked.modality))
        view = self._view(row["table"])
        by = asked.by or corpus.search.by
        by = way_for(view, "text" if by == "hybrid" and "text" not in taken_by(row) else by)
        check_boosts(asked.boosts, corpus.metadata)
        weight = corpus.search.weight if asked.weight is None else asked.weight
        modalities = [] if asked.modality else modalities_of(view, taken_by(row))
        scales = scales_of(view, row, weight, modalities) if by == "hybrid" or asked.diverse else None
        return Prepared(corpus, row, view, by, where, scales, self._distinct, modalities, self._unlike)

    def _answer(self, found: Prepared, query: str | None, vector: Sequence[float] | None, asked: Asked) -> Passages:
        settings = self._reranking(asked.rerank)
        if settings and asked.boost:
            raise ConfigurationError(
                "a boost raises scores by a share, and a reranker's scores have no scale for that",
                "Search without the reranker, or without the boost.",
            )
        pool = settings.candidates if settings else POOL if asked.boost or asked.diverse else 0
        end = asked.offset + asked.limit
        first, last = (0, max(pool, end)) if pool else (asked.offset, asked.limit)
        gaps = found.gaps(vector)
        expanded = wider(query, self.word_vectors(asked.widened_by), found.view) if asked.widened and query else ()
        beside = [(one.word, one.weight) for one in expanded]
        sought = Query(
            query, vector, found.by, last, first, found.where, asked.per_document, asked.min_score, found.distinct,
            effort_in(found.row), gaps, beside, found.unlike,
        )  # fmt: skip
        hits, note = retrieve(found.view, sought, found.scales), ""
        hits = [_with_cosine(hit, gaps) for hit in hits]
        if settings and query is not None:
            given = None if asked.rerank is None or isinstance(asked.rerank, bool) else asked.rerank
            hits, note = reranked(query, hits, partial(self._load_reranker, given, settings), settings)
        if pool:
            background = found.scales.background if found.scales else 0.0
            hits = rearranged(hits, pool, asked, found.vectors, background)[asked.offset : end]
        passages = found.passages(hits, asked.context)
        passages.note = note_of([found], note)
        passages.analysis = found.view.analysis
        passages.expanded = expanded
        return passages

    def _reranking(self, asked: bool | Reranker | None) -> Rerank | None:
        """How a search is reranked; None where it is not."""
        settings = self._lake.corpus.search.rerank
        if asked is True and settings is None:
            raise ConfigurationError(
                f"the file of the corpus {self._lake.corpus.name!r} names no reranker",
                "Name one there, such as: search: { rerank: cross-encoder/ms-marco-MiniLM-L6-v2 }",
            )
        if asked is None or isinstance(asked, bool):
            return None if asked is False else settings
        return settings or Rerank.model_validate({"model": "given"})

    def _load_reranker(self, given: Reranker | None, settings: Rerank) -> Reranker:
        """The one that is given, or the one that the corpus file names, loaded once."""
        if given is not None:
            return given
        if self._reranker is None:
            self._reranker = load_reranker(settings)
        return self._reranker


def _with_cosine(hit: Hit, gaps: Sequence[Gap]) -> Hit:
    """A hit with its cosine similarity, where its score tells it on the scale of another modality."""
    gap = next((gap for gap in gaps[1:] if gap.modality == hit.row.get("modality")), None)
    if gap is None or hit.vector is None:
        return hit
    return replace(hit, later={**hit.later, "gap": {"cosine": gap.cosine(hit.vector.score)}})


def open_lake(corpus_file: str | Path) -> OpenLake:
    """The lake of a corpus, for searching and reading.

    Raises:
        ConfigurationError: the corpus file is wrong.
        LakeError: the lake cannot be opened, or holds nothing of the corpus yet.
    """
    return OpenLake(Lake(load_corpus(corpus_file)))
