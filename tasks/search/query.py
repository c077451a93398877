"""Searching a corpus by meaning, and the small Python API for notebooks.

from embedlake import open_lake

lake = open_lake("configs/docs.yaml")
for passage in lake.search("run something when the interpreter exits"):
    print(passage.score, passage.document_id, passage.text)
frame = lake.table().to_pandas()
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, ModelError
from tasks.lake.nearest import check_filter, nearest
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_entry
from tasks.models.interface import Encoder, text_items


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a search found.

    Attributes:
        score: cosine similarity to the query, 1 for the same direction.
        document_id, title, uri: of its document.
        headings: that it stands under, outermost first.
        start, end: offsets into the document's extracted text, in characters.
        page: on which it begins, from 1, where the format knows pages.
        text: the chunk's.
        metadata: the fields that the corpus declares.
        chunk_id: the row's key.
    """

    score: float
    document_id: str
    title: str | None
    uri: str
    headings: list[str]
    start: int
    end: int
    page: int | None
    text: str
    metadata: dict[str, Any]
    chunk_id: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class OpenLake:
    """A corpus's lake, for reading.

    Args:
        lake: its tables.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._encoders: dict[str, Encoder] = {}

    @cached_property
    def models(self) -> list[dict[str, Any]]:
        """The catalog: a row per model table, with its state."""
        return self._lake.catalog()

    def table(self, model: str | None = None) -> pa.Table:
        """All rows of a model's table; the live model's by default. `.to_pandas()` makes a frame of it."""
        return self._lake.to_arrow(self._row(model)["table"])

    def search(self, query: str, model: str | None = None, limit: int = 5, where: str | None = None) -> list[Passage]:
        """The passages nearest to a query in meaning, best first.

        Args:
            query: a question or a few words.
            model: name of a model or its table; the live one by default.
            limit: most passages.
            where: SQL over the columns, such as `uri LIKE '%.md' AND year >= 2020`.

        Raises:
            ConfigurationError: there is no such model in the lake, or the filter is not valid.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
            LakeError: the table cannot be read.
        """
        if not query.strip():
            raise ConfigurationError("the query is empty", "Ask something.")
        row = self._row(model)
        check_filter(self._lake, row["table"], where)
        vector = self._encoder(row).encode_queries(text_items([query]))[0][0]
        nearest = self._nearest if self._lake.corpus.deduplication == "none" else self._distinct
        return [self._passage(hit) for hit in nearest(row["table"], vector.tolist(), limit, where)]

    def _nearest(self, table: str, vector: list[float], limit: int, where: str | None) -> list[dict[str, Any]]:
        """The nearest rows; those of them that are equally near by document."""
        found = nearest(self._lake, table, vector, limit, where)
        return sorted(found, key=lambda hit: (hit["_distance"], hit["document_id"], hit["ordinal"]))

    def _distinct(self, table: str, vector: list[float], limit: int, where: str | None) -> list[dict[str, Any]]:
        """The nearest rows with different texts: a further search leaves out the texts that were found."""
        texts: dict[str, dict[str, Any]] = {}
        while len(texts) < limit:
            others = "text_hash NOT IN (" + ", ".join(f"'{text_hash}'" for text_hash in texts) + ")" if texts else None
            condition = " AND ".join(f"({part})" for part in (where, others) if part) or None
            found = self._nearest(table, vector, limit - len(texts), condition)
            known = len(texts)
            for hit in found:
                texts.setdefault(hit["text_hash"], hit)
            if len(found) < limit - known:
                break
        return list(texts.values())

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
                raise ConfigurationError(
                    f"the lake has no table of a model {model!r}; it has {names}",
                    f"Fill one with: embedlake backfill CORPUS.yaml --model {model}",
                )
        return found[0]

    def _encoder(self, row: dict[str, Any]) -> Encoder:
        table = row["table"]
        if table not in self._encoders:
            model = resolve_entry(row)
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

    def _passage(self, hit: dict[str, Any]) -> Passage:
        return Passage(
            score=1.0 - hit["_distance"], document_id=hit["document_id"], title=hit["title"], uri=hit["uri"],
            headings=list(hit["heading_path"] or []), start=hit["start"], end=hit["end"],
            page=hit.get("span_page"), text=hit["text"],
            metadata={name: hit[name] for name in self._lake.corpus.metadata if name in hit}, chunk_id=hit["chunk_id"],
        )  # fmt: skip


def open_lake(corpus_file: str | Path) -> OpenLake:
    """The lake of a corpus, for searching and reading.

    Raises:
        ConfigurationError: the corpus file is wrong.
        LakeError: the lake cannot be opened, or holds nothing of the corpus yet.
    """
    return OpenLake(Lake(load_corpus(corpus_file)))
