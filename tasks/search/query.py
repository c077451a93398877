"""Searching a corpus by meaning, and the small Python API for notebooks.

from embedlake import open_lake

lake = open_lake("configs/docs.yaml")
for passage in lake.search("run something when the interpreter exits"):
    print(passage.score, passage.document_id, passage.text)
frame = lake.table().to_pandas()
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.config.models import kept_model
from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError, DocumentError, ModelError, UnknownName
from tasks.lake.catalog import taken_by
from tasks.lake.literals import all_of
from tasks.lake.nearest import View, check_filter
from tasks.lake.recall import effort_in
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_entry
from tasks.models.interface import Encoder, Item, Vectors, encode_in_parts, text_items
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.models.template import Template
from tasks.models.word_vectors import WordVectors
from tasks.rerank.choose import load_reranker
from tasks.rerank.interface import Reranker
from tasks.search.arrange import POOL, rearranged
from tasks.search.boost import check_boosts
from tasks.search.clones import ALIKE, IMAGES, Clones, clones_in
from tasks.search.context import whole_document
from tasks.search.filters import Filter, to_sql
from tasks.search.gap import Gap, modalities_of
from tasks.search.options import Asked, Boosts, Modality, Options
from tasks.search.passage import Passage, Passages
from tasks.search.prepared import Prepared, note_of, passage_of
from tasks.search.region import lines_in, region_of
from tasks.search.reranked import reranked
from tasks.search.retrieve import Hit, Query, Way, of_modality, retrieve, way_for
from tasks.search.scales import scales_of
from tasks.search.similar import cut, in_table, mean_of, vector_of
from tasks.search.vocabulary import Coverage, coverage, wider, word_vectors


class OpenLake:
    """A corpus's lake, for reading.

    Args:
        lake: its tables.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._encoders: dict[str, Encoder] = {}
        self._takes: dict[str, Takes] = {}  # what each encoder takes
        self._views: dict[str, View] = {}
        self._vocabularies: dict[str | None, WordVectors] = {}
        self._reranker: Reranker | None = None
        self._lock = threading.RLock()  # an encoder is called by one thread at a time

    @property
    def models(self) -> list[dict[str, Any]]:
        """The catalog: a row per model table, with its state."""
        return self._lake.catalog()

    def table(self, model: str | None = None) -> pa.Table:
        """All rows of a model's table; the live model's by default. `.to_pandas()` makes a frame of it."""
        return self._lake.to_arrow(self.entry(model)["table"])

    def search(
        self,
        query: str | None = None,
        model: str | None = None,
        limit: int = 5,
        where: str | Filter | None = None,
        *,
        image: str | Path | bytes | None = None,
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
        expand: str | None = None,
    ) -> Passages:
        """The passages that answer a query best, best first.

        Args:
            query: a question or a few words.
            image: the path or the content of an image, instead: by a model that takes images, by vector.
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
            modality: only text, or only images. By default all that the model takes, in one list: the similarities of
                images are told as those of texts are, see `tasks.search.gap`, and an image and its caption are one.
            expand: word vectors, by which words near the query's are looked for too and count less: a model of the
                corpus, a file, or `package:NAME`; `expanded` of the result has them. See `tasks.search.vocabulary`.

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
        if (query is None) == (image is None):
            raise ConfigurationError("give either a question or an image", "One of them, not both.")
        return self._answers([query], asked)[0] if query is not None else self._like_image(image, asked)

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
        asked = Query(None, vector, "vector", limit, offset, condition, per_document, min_score, distinct, effort)
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
            kept = self._lake.corpus.metadata.get("perceptual_hash") == "string"
            if not kept or "perceptual_hash" not in view.columns:
                raise ConfigurationError(
                    "the images' perceptual hashes are not kept", "Set `metadata: {perceptual_hash: string}`, and run."
                )
            condition = all_of(self._condition(row["table"], where), IMAGES) or IMAGES
            return clones_in(view, condition, ALIKE, limit, exact, effort_in(row), images=True)
        long_enough = f"token_count >= {least}"
        condition = all_of(self._condition(row["table"], where), long_enough) or long_enough
        return clones_in(self._view(row["table"]), condition, above, limit, exact, effort_in(row))

    def document(self, document_id: str, model: str | None = None) -> Passage:
        """A document as one passage: its text as its chunks have it, in which nothing stands twice.

        Raises:
            UnknownName: there is no such document or model in the lake.
            LakeError: the table cannot be read.
        """
        view = self._view(self.entry(model)["table"])
        row = whole_document(view, document_id)
        if row is None:
            raise UnknownName(
                f"{view.table} has no document {document_id!r}", "Give an id as a search shows it, such as docs:a.pdf."
            )
        return passage_of(self._lake.corpus, Hit(row, 1, 1.0, None, None), row, None)

    def thumbnail(self, chunk_id: str, side: int = 256, model: str | None = None) -> bytes:
        """An image that was found, as a JPEG file that fits into a square.

        Args:
            chunk_id: as a search shows it.
            side: of the square, in pixels.
            model: a table that has it; the live model's by default.

        Raises:
            UnknownName: there is no such image or model in the lake.
            ConfigurationError: the image is not to be had as it was read.
        """
        from tasks.search.thumbnail import thumbnail_of  # no other search waits for what decodes images

        return thumbnail_of(self._view(self.entry(model)["table"]), self._lake.corpus, chunk_id, side)

    def word_vectors(self, name: str | None = None) -> WordVectors:
        """The word vectors of the corpus, or others by the name of a model, a file, `package:NAME` or a hub name.

        Raises:
            ConfigurationError: the corpus has none, or what is named is none.
            ModelError: there is no such model, or it is damaged.
        """
        with self._lock:
            if name not in self._vocabularies:
                self._vocabularies[name] = word_vectors(self.models, self._lake.corpus.models, name)
            return self._vocabularies[name]

    def coverage(self, name: str | None = None, most: int = 20) -> Coverage:
        """How much of the corpus's text word vectors know, and the unknown words that are there most often.

        Args:
            name: of the word vectors, as in `word_vectors`.
            most: unknown words to name.
        """
        rows = self._lake.snapshot(self._lake.name("chunks")).scan(["text"])
        texts = (text for some in rows for text in some["text"].to_pylist() if text)
        return coverage(texts, self.word_vectors(name), most)

    def embed_query(self, query: str, model: str | None = None) -> Sequence[float]:
        """The vector of a query under a model; the live one by default.

        Raises:
            ConfigurationError: there is no such model in the lake.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
        """
        [vector] = self._vectors(self.entry(model), [query])
        return vector

    def _answers(self, queries: Sequence[str], asked: Asked) -> list[Passages]:
        if not all(query.strip() for query in queries):
            raise ConfigurationError("the query is empty", "Ask something.")
        found = self._prepared(asked)
        vectors = self._vectors(found.row, queries) if queries and found.by != "text" else [None] * len(queries)
        return [self._answer(found, query, vector, asked) for query, vector in zip(queries, vectors, strict=True)]

    def _like_image(self, image: str | Path | bytes | None, asked: Asked) -> Passages:
        if asked.by in ("text", "hybrid") or asked.weight is not None or asked.rerank:
            raise ConfigurationError("an image has no words", "Search by vector, without a weight and a reranker.")
        found = self._prepared(replace(asked, by="vector"))
        content = image if isinstance(image, bytes) else read_image(Path(image or ""))
        vector = self._image_vector(found.row, content)
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
        return Prepared(corpus, row, view, by, where, scales, self._distinct, modalities)

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
        expanded = (
            () if asked.expand is None or query is None else wider(query, self.word_vectors(asked.expand), found.view)
        )
        beside = [(one.word, one.weight) for one in expanded]
        sought = Query(
            query, vector, found.by, last, first, found.where, asked.per_document, asked.min_score, found.distinct,
            effort_in(found.row), gaps, beside,
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

    def _vectors(self, row: dict[str, Any], queries: Sequence[str]) -> list[Sequence[float]]:
        """The vectors of queries under the model of a table, which its line in the catalog names."""
        with self._lock:
            found: list[Sequence[float]] = self._encoder(row).encode_queries(text_items(queries)).vectors.tolist()
        return found

    def _image_vector(self, row: dict[str, Any], content: bytes) -> Sequence[float]:
        """The vector of an image as a query under the model of a table.

        Raises:
            ConfigurationError: the model takes no images, or this is none that can be read.
        """
        if "image" not in taken_by(row):
            raise ConfigurationError(
                f"{row['table']} has no images: its model takes {', '.join(sorted(taken_by(row)))}",
                "Name another one with `model`, or run with a model that takes images.",
            )
        from tasks.content.fetching import as_seen
        from tasks.content.items import item_of
        from tasks.media.image import look

        with self._lock:
            self._encoder(row)  # which tells how large it looks at images
        try:
            look(content, self._lake.corpus.extraction.max_pixels)
            [pixels] = as_seen(content, [(0, None)], self._takes.get(row["table"], TEXT_ONLY))
        except DocumentError as error:
            raise ConfigurationError(f"the image cannot be used: {error.message}", error.hint) from None
        return self._item_vector(row, item_of("image", pixels))

    def _item_vector(self, row: dict[str, Any], item: Item) -> Sequence[float]:
        with self._lock:
            [vector] = self._encoder(row).encode_queries([item]).vectors.tolist()
        found: Sequence[float] = vector
        return found

    def _text_vectors(self, row: dict[str, Any], texts: Sequence[str]) -> Vectors:
        """The vectors of texts under the model of a table, as those of its rows were made."""
        with self._lock:
            return encode_in_parts(self._encoder(row), text_items(texts)).vectors

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

    def entry(self, model: str | None = None) -> dict[str, Any]:
        """The line of the catalog of a model's table; the live model's by default.

        Raises:
            ConfigurationError: there is no such model in the lake.
        """
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
        if not self._lake.has(found[0]["table"]):
            self._lake.refresh()  # it was made since the lake was opened
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
                    "Get the weights that filled it; or run again to fill a table with these, then make that one live:"
                    " embedlake promote.",
                )
            self._encoders[table] = choose.load_encoder(model)
            self._takes[table] = model.takes
        return self._encoders[table]


def read_image(file: Path) -> bytes:
    """The content of a file with an image.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return file.expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", "Give the path of an image.") from None


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
