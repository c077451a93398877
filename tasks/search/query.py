"""Searching a corpus by meaning, and the small Python API for notebooks.

from embedlake import open_lake

lake = open_lake("configs/docs.yaml")
for passage in lake.search("run something when the interpreter exits"):
    print(passage.score, passage.document_id, passage.text)
frame = lake.table().to_pandas()
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError, ModelError, UnknownName
from tasks.lake.nearest import Row, View, check_filter
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_entry
from tasks.models.interface import Encoder, text_items
from tasks.rerank.choose import load_reranker
from tasks.rerank.interface import Reranker
from tasks.search.context import whole_document, with_context
from tasks.search.filters import Filter, to_sql
from tasks.search.passage import Passage, Passages
from tasks.search.reranked import reranked
from tasks.search.retrieve import Hit, Query, Scales, Way, retrieve, way_for
from tasks.search.scales import scales_of
from tasks.search.similar import vector_of


class OpenLake:
    """A corpus's lake, for reading.

    Args:
        lake: its tables.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._encoders: dict[str, Encoder] = {}
        self._views: dict[str, View] = {}
        self._reranker: Reranker | None = None

    @property
    def models(self) -> list[dict[str, Any]]:
        """The catalog: a row per model table, with its state."""
        return self._lake.catalog()

    def table(self, model: str | None = None) -> pa.Table:
        """All rows of a model's table; the live model's by default. `.to_pandas()` makes a frame of it."""
        return self._lake.to_arrow(self._row(model)["table"])

    def search(
        self,
        query: str,
        model: str | None = None,
        limit: int = 5,
        where: str | Filter | None = None,
        *,
        by: Way | None = None,
        weight: float | None = None,
        offset: int = 0,
        per_document: int | None = None,
        min_score: float | None = None,
        context: int = 0,
        rerank: bool | Reranker | None = None,
    ) -> Passages:
        """The passages that answer a query best, best first.

        Args:
            query: a question or a few words.
            model: name of a model or its table; the live one by default.
            limit: most passages.
            where: SQL over the columns, such as `uri LIKE '%.md' AND year >= 2020`; or a filter as a value, such as
                `{"year": {"gte": 2020}, "lang": {"in": ["de", "fr"]}}`, see `tasks.search.filters`.
            by: `vector`: by meaning; `text`: by words; `hybrid`: by both. By default as the corpus file says; a table
                without a text index is searched by vector.
            weight: of meaning against words in a hybrid search, from 0 to 1.
            offset: passages that come before, for pages after the first.
            per_document: most passages of one document.
            min_score: passages with a lower score are left out.
            context: chunks before and behind each passage that become part of it.
            rerank: by the reranker that the corpus file names, or by this one; by default where the file names one.
                One that fails or is late leaves the order as it was, and `note` of the result says so.

        Raises:
            ConfigurationError: there is no such model in the lake, the filter is not valid, or the corpus file names no
                reranker.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
            LakeError: the table cannot be read.
        """
        if not query.strip():
            raise ConfigurationError("the query is empty", "Ask something.")
        row = self._row(model)
        where = self._condition(row["table"], where)
        view = self._view(row["table"])
        by = way_for(view, by or self._lake.corpus.search.by)
        vector = self._embed(row, query) if by != "text" else None
        settings = self._reranking(rerank)
        first, last = (0, max(settings.candidates, offset + limit)) if settings else (offset, limit)
        asked = Query(query, vector, by, last, first, where, per_document, min_score, self._distinct)
        weight = self._lake.corpus.search.weight if weight is None else weight
        scales = scales_of(view, row, weight) if by == "hybrid" else None
        hits, note = retrieve(view, asked, scales), ""
        if settings:
            given = None if rerank is None or isinstance(rerank, bool) else rerank
            hits, note = reranked(query, hits, partial(self._load_reranker, given, settings), settings)
            hits = hits[offset : offset + limit]
        passages = self._passages(view, hits, scales, context)
        passages.note = note
        return passages

    def similar(
        self,
        identity: str,
        model: str | None = None,
        limit: int = 5,
        where: str | Filter | None = None,
        *,
        offset: int = 0,
        per_document: int | None = 1,
        min_score: float | None = None,
        context: int = 0,
    ) -> Passages:
        """The passages of other documents that are nearest in meaning to a document or a chunk, best first. Nothing is
        embedded for that.

        Args:
            identity: a document id or a chunk id.
            model, limit, where, offset, per_document, min_score, context: as in `search`.

        Raises:
            ConfigurationError: there is no such document, chunk or model in the lake, or the filter is not valid.
            LakeError: the table cannot be read.
        """
        row = self._row(model)
        where = self._condition(row["table"], where)
        view = self._view(row["table"])
        vector, others = vector_of(view, identity)
        condition = " AND ".join(f"({part})" for part in (where, others) if part)
        asked = Query(None, vector, "vector", limit, offset, condition, per_document, min_score, self._distinct)
        return self._passages(view, retrieve(view, asked), None, context)

    def document(self, document_id: str, model: str | None = None) -> Passage:
        """A document as one passage: its text as its chunks have it, in which nothing stands twice.

        Raises:
            UnknownName: there is no such document or model in the lake.
            LakeError: the table cannot be read.
        """
        view = self._view(self._row(model)["table"])
        row = whole_document(view, document_id)
        if row is None:
            raise UnknownName(
                f"{view.table} has no document {document_id!r}", "Give an id as a search shows it, such as docs:a.pdf."
            )
        return self._passage(Hit(row, 1, 1.0, None, None), row, None)

    def entry(self, model: str | None = None) -> dict[str, Any]:
        """The line of the catalog of a model's table; the live model's by default.

        Raises:
            ConfigurationError: there is no such model in the lake.
        """
        return self._row(model)

    def embed_query(self, query: str, model: str | None = None) -> Sequence[float]:
        """The vector of a query under a model; the live one by default.

        Raises:
            ConfigurationError: there is no such model in the lake.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
        """
        return self._embed(self._row(model), query)

    def _embed(self, row: dict[str, Any], query: str) -> Sequence[float]:
        """The vector of a query under the model of a table."""
        vector: list[float] = self._encoder(row).encode_queries(text_items([query])).vectors[0].tolist()
        return vector

    @property
    def _distinct(self) -> bool:
        return self._lake.corpus.deduplication != "none"

    def _condition(self, table: str, where: str | Filter | None) -> str | None:
        """A filter as SQL that was looked at."""
        condition = where if where is None or isinstance(where, str) else to_sql(where, self._lake.schema(table))
        check_filter(self._lake, table, condition)
        return condition

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

    def _view(self, table: str) -> View:
        """A table as it is now."""
        view = self._views.get(table)
        if view is None or not view.is_latest():
            view = self._views[table] = View(self._lake, table)
        return view

    def _row(self, model: str | None) -> dict[str, Any]:
        rows = self.models
        if model is None:
            found = [row for row in rows if row["state"] == "live"]
            if not found:
                names = ", ".join(f"{row['model']} ({row['state']})" for row in rows) or "none"
                raise ConfigurationError(
                    f"no model of the corpus {self._lake.corpus.name!r} is live yet; models: {names}",
                    "Finish a run with: embedlake run CORPUS.yaml, or name one of them with --model.",
                )
        else:
            found = [row for row in rows if model in (row["model"], row["table"], row["revision"], row["reference"])]
            found.sort(key=lambda row: (row["state"] == "live", row["changed"]), reverse=True)
            if not found:
                names = ", ".join(sorted({row["model"] for row in rows})) or "none"
                raise UnknownName(
                    f"the lake has no table of a model {model!r}; it has {names}",
                    f"Fill one with: embedlake backfill CORPUS.yaml --model {model}",
                )
        return found[0]

    def _encoder(self, row: dict[str, Any]) -> Encoder:
        table = row["table"]
        if table not in self._encoders:
            model = resolve_entry(row, self._lake.corpus.models)
            settings = model.settings
            named = [m for m in self._lake.corpus.models if m.name == settings.name]
            if named:  # the query's prompt changes no vector in the table: the file's word counts
                settings = settings.model_copy(update={"query_prompt": named[0].query_prompt})
                model = replace(model, settings=settings)
            if model.revision != row["revision"]:
                raise ModelError(
                    f"table {table} was filled by other weights of {settings.model!r} than are on this machine,"
                    f" which are revision {model.revision}",
                    "Get the weights that filled it, or run again to fill a table with these.",
                )
            self._encoders[table] = choose.load_encoder(model)
        return self._encoders[table]

    def _passages(self, view: View, hits: list[Hit], scales: Scales | None, context: int) -> Passages:
        rows = with_context(view, [hit.row for hit in hits], context)
        return Passages(self._passage(hit, row, scales) for hit, row in zip(hits, rows, strict=True))

    def _passage(self, hit: Hit, row: Row, scales: Scales | None) -> Passage:
        scores: dict[str, dict[str, float]] = {}
        for name, standing in (("vector", hit.vector), ("text", hit.text)):
            if standing:
                scores[name] = {"rank": standing.rank, "score": standing.score}
            if standing and scales:
                weight = scales.weight if name == "vector" else 1 - scales.weight
                scores[name] |= {"share": standing.share, "weight": weight}
        if hit.judged:
            scores["rerank"] = {"before": hit.judged.before, "score": hit.judged.score}
        return Passage(
            score=hit.score, document_id=row["document_id"], title=row["title"], uri=row["uri"],
            headings=list(row["heading_path"] or []), start=row["start"], end=row["end"],
            page=row.get("span_page"), text=row["text"],
            metadata={name: row[name] for name in self._lake.corpus.metadata if name in row}, chunk_id=row["chunk_id"],
            rank=hit.rank, scores=scores,
        )  # fmt: skip


def open_lake(corpus_file: str | Path) -> OpenLake:
    """The lake of a corpus, for searching and reading.

    Raises:
        ConfigurationError: the corpus file is wrong.
        LakeError: the lake cannot be opened, or holds nothing of the corpus yet.
    """
    return OpenLake(Lake(load_corpus(corpus_file)))
