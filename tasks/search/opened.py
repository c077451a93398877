"""A lake that is open for reading: its tables, the models that filled them, and what both tell without a search."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from tasks.errors import ConfigurationError, ModelError, UnknownName
from tasks.lake.catalog import taken_by
from tasks.lake.nearest import View, check_filter
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_entry
from tasks.models.interface import Encoder, Vectors, encode_in_parts, text_items
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.models.word_vectors import WordVectors
from tasks.search.context import whole_document
from tasks.search.filters import Filter, to_sql
from tasks.search.passage import Passage
from tasks.search.prepared import passage_of
from tasks.search.retrieve import Hit
from tasks.search.similar import mean_of
from tasks.search.vocabulary import Coverage, coverage, word_vectors


class OpenTables:
    """The tables of a corpus, each as it is now, and encoders of their models, which are loaded once.

    Args:
        lake: its tables.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._encoders: dict[str, Encoder] = {}
        self._takes: dict[str, Takes] = {}  # what each encoder takes
        self._views: dict[str, View] = {}
        self._vocabularies: dict[str | None, WordVectors] = {}
        self._lock = threading.RLock()  # an encoder is called by one thread at a time

    @property
    def models(self) -> list[dict[str, Any]]:
        """The catalog: a row per model table, with its state."""
        return self._lake.catalog()

    def table(self, model: str | None = None) -> pa.Table:
        """All rows of a model's table; the live model's by default. `.to_pandas()` makes a frame of it."""
        return self._lake.to_arrow(self.entry(model)["table"])

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

    def _vectors(self, row: dict[str, Any], queries: Sequence[str]) -> list[Sequence[float]]:
        """The vectors of queries under the model of a table, which its line in the catalog names."""
        with self._lock:
            found: list[Sequence[float]] = self._encoder(row).encode_queries(text_items(queries)).vectors.tolist()
        return found

    def _content_vector(self, row: dict[str, Any], modality: str, content: bytes) -> Sequence[float]:
        """The vector of an image or a sound as a query under the model of a table.

        Raises:
            ConfigurationError: the model does not take it, or this is none that can be read.
        """
        if modality not in taken_by(row):
            many = {"image": "images", "audio": "sounds"}[modality]
            raise ConfigurationError(
                f"{row['table']} has no {many}: its model takes {', '.join(sorted(taken_by(row)))}",
                f"Name another one with `model`, or run with a model that takes {many}.",
            )
        from tasks.search.likeness import query_items

        with self._lock:
            encoder = self._encoder(row)  # then it is known how large it looks at images, and which rate it hears
        takes = self._takes.get(row["table"], TEXT_ONLY)
        items = query_items(modality, content, self._lake.corpus.extraction, takes)
        with self._lock:
            vectors = encoder.encode_queries(items).vectors
        one: Sequence[float] = vectors[0].tolist()
        return one if len(items) == 1 else mean_of(vectors)

    def _text_vectors(self, row: dict[str, Any], texts: Sequence[str]) -> Vectors:
        """The vectors of texts under the model of a table, as those of its rows were made."""
        with self._lock:
            return encode_in_parts(self._encoder(row), text_items(texts)).vectors

    @property
    def _distinct(self) -> bool:
        return self._lake.corpus.deduplication != "none"

    @property
    def _unlike(self) -> bool:
        return self._lake.corpus.deduplication == "near"

    def _condition(self, table: str, where: str | Filter | None) -> str | None:
        """A filter as SQL that was looked at."""
        condition = where if where is None or isinstance(where, str) else to_sql(where, self._lake.schema(table))
        check_filter(self._lake, table, condition)
        return condition

    def _view(self, table: str) -> View:
        """A table as it is now."""
        view = self._views.get(table)
        if view is None or not view.is_latest():
            view = self._views[table] = View(self._lake, table)
        return view

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
