"""Corpora kept ready to be searched: encoders loaded, tables open at one version each, renewed as newer ones appear."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, EmbedlakeError, ServiceError
from tasks.lake.catalog import behind
from tasks.lake.nearest import View
from tasks.lake.tables import Lake
from tasks.models.interface import Encoder, Item, Vectors
from tasks.search.query import OpenLake
from tasks.secrets import redact
from tasks.service.batching import Batcher
from tasks.service.schemas import ServedCorpus

_EVERY = 0.5  # seconds between looks at the lake
_STALE = 30.0  # seconds without a look after which a corpus is not ready
T = TypeVar("T")
logger = logging.getLogger("embedlake.service")


class WarmCorpus(OpenLake):
    """A corpus for many threads. What a search reads is what the last `renew` found: one line of the catalog, one
    version of its table, one encoder; so it never mixes two models, and never waits for the store to say what is new.

    Args:
        corpus_file: the corpus.
    """

    def __init__(self, corpus_file: Path) -> None:
        self.corpus = load_corpus(corpus_file)
        super().__init__(Lake(self.corpus))
        self._batchers: dict[str, Batcher] = {}
        self._loading = threading.RLock()
        self._rows: list[dict[str, Any]] = []
        self._renewed = 0.0
        self.problem = ""
        self.renew()

    @property
    def models(self) -> list[dict[str, Any]]:
        """The catalog, as it was a moment ago."""
        return self._rows

    @property
    def ready(self) -> bool:
        """Whether it serves what is in the lake now."""
        return time.monotonic() - self._renewed < _STALE

    def renew(self) -> None:
        """Look at the lake. A newer version of a table, or another live model, is made ready before a search sees it.

        Raises:
            EmbedlakeError: the lake cannot be read, or the live model cannot be loaded; searches go on as before.
        """
        rows = self._lake.catalog()
        if any(not self._lake.has(row["table"]) for row in rows):
            self._lake.refresh()
        for row in rows:
            if row["state"] == "live":
                self._batcher(row)
            if row["state"] == "live" or (row["table"] in self._views and self._lake.has(row["table"])):
                self._latest(row["table"])
        self._rows = rows
        for gone in self._views.keys() - {row["table"] for row in rows}:
            self._views.pop(gone, None)
            self._batchers.pop(gone, None)
            self._encoders.pop(gone, None)
        self._renewed, self.problem = time.monotonic(), ""

    def told(self) -> ServedCorpus:
        """What is served of it."""
        live = next((row for row in self._rows if row["state"] == "live"), None)
        return ServedCorpus(
            name=self.corpus.name, model=live["model"] if live else None, table=live["table"] if live else None,
            rows=self._view(live["table"]).rows if live else 0, ready=self.ready,
            problem=self.problem or (behind(live) if live else ""),
        )  # fmt: skip

    def asked(self, call: Callable[[], T]) -> T:
        """Make a call that reads, once more after a look at the lake where it failed: its table may just have been
        removed."""
        try:
            return call()
        except (ConfigurationError, ServiceError):
            raise
        except EmbedlakeError:
            self.renew()
            return call()

    def embed(self, queries: Sequence[str], model: str | None = None) -> tuple[list[list[float]], int]:
        """The vectors of queries under a model, the live one by default, and their tokens in all."""
        vectors, tokens = self._batcher(self.entry(model)).embed(queries)
        return [vector.tolist() for vector in vectors], tokens

    def _vectors(self, row: dict[str, Any], queries: Sequence[str]) -> list[Sequence[float]]:
        """The vectors of queries under the model of a table."""
        vectors, _ = self._batcher(row).embed(queries)
        return [vector.tolist() for vector in vectors]

    def _text_vectors(self, row: dict[str, Any], texts: Sequence[str]) -> Vectors:
        return self._batcher(row).embed_texts(texts)

    def _item_vector(self, row: dict[str, Any], item: Item) -> Sequence[float]:
        vector: list[float] = self._batcher(row).embed_item(item).tolist()
        return vector

    def _view(self, table: str) -> View:
        return self._views.get(table) or self._latest(table)

    def _latest(self, table: str) -> View:
        with self._loading:
            view = self._views.get(table)
            if view is None or not view.is_latest():
                view = View(self._lake, table)
                if view.has_text_index:
                    _ = view.some_vectors  # the first hybrid search need not wait for them
                self._views[table] = view
            return view

    def _batcher(self, row: dict[str, Any]) -> Batcher:
        table: str = row["table"]
        found = self._batchers.get(table)
        if found is None:
            with self._loading:
                found = self._batchers.get(table) or Batcher(self._warm(self._encoder(row)))
                self._batchers[table] = found
        return found

    @staticmethod
    def _warm(encoder: Encoder) -> Encoder:
        """An encoder whose first call is made. A service that does not answer now may do so later."""
        if "text" not in encoder.modalities:
            return encoder
        with contextlib.suppress(ServiceError):
            Batcher(encoder).embed(["a question"])
        return encoder


class Corpora:
    """Corpora by name, renewed in the background.

    Args:
        corpus_files: of the corpora; each has something that is live.

    Raises:
        EmbedlakeError: one of them cannot be opened, or two have one name.
    """

    def __init__(self, corpus_files: Iterable[Path]) -> None:
        self._corpora: dict[str, WarmCorpus] = {}
        for file in corpus_files:
            corpus = WarmCorpus(file)
            if corpus.corpus.name in self._corpora:
                raise ConfigurationError(
                    f"two corpora have the name {corpus.corpus.name!r}", "Serve one of them, or rename one."
                )
            self._corpora[corpus.corpus.name] = corpus
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="renew", daemon=True)
        self._watcher.start()

    def __iter__(self) -> Iterator[WarmCorpus]:
        return iter(self._corpora.values())

    @property
    def names(self) -> list[str]:
        """In alphabetical order."""
        return sorted(self._corpora)

    def get(self, name: str | None) -> WarmCorpus | None:
        """The corpus of a name; without one, the only one."""
        if name is None:
            return next(iter(self._corpora.values())) if len(self._corpora) == 1 else None
        return self._corpora.get(name)

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            for corpus in self._corpora.values():
                try:
                    corpus.renew()
                except Exception as error:  # whatever it is, searches go on with what there is
                    problem = redact(str(error))
                    if problem != corpus.problem:
                        logger.warning("%s: %s", corpus.corpus.name, problem)
                    corpus.problem = problem
