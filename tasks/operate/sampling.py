"""A part of what there is to read, spread over all of it, and what is met there."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.settings import Corpus
from tasks.errors import DocumentError
from tasks.ingest.faults import document_error
from tasks.ingest.prepare import Prepared
from tasks.ingest.spoken import Spoken
from tasks.lake.tables import Lake
from tasks.models.template import COST, HASH, Template, is_text
from tasks.patience import each_within
from tasks.progress import DocumentCounts
from tasks.sources.listing import File
from tasks.sources.members import works_of
from tasks.sources.work import Work, group_files

PROBE_TEXTS = 24  # that a model's speed is measured with
SHOWN = ("ordinal", "start", "end", "span_unit", "span_page", "token_count", "heading_path", "text")
"""Columns of a chunk that tell a person where it is cut."""


class Content:
    """What was met on reading.

    Args:
        lake: of the corpus, to tell duplicates.
        sample: chunks to keep, at random.

    Attributes:
        texts: tokens of all texts that would be embedded, each once, by their hash; by template of the corpus's models.
        others: the same of what is no text, by modality; no template changes it.
        counts: tokens of what would be embedded of every text; by template.
        versions: of every text.
        probe: the first texts.
        contents: content hashes of documents.
        failures: document, error and message of each.
        misfits: counts the values that do not fit their metadata field.
        chunks, tokens, duplicates: how many.
        spoken: sounds whose words are wanted, by the hash of their samples.
    """

    def __init__(self, lake: Lake, sample: int) -> None:
        self._most = sample
        self._sample: list[tuple[float, dict[str, Any]]] = []
        known = lake.read(lake.name("documents"), ["document_id", "text_hash"], "text_hash IS NOT NULL")
        self._first = dict(zip(known["text_hash"].to_pylist(), known["document_id"].to_pylist(), strict=True))
        self._templates = {model.template: Template(model) for model in lake.corpus.models}
        self.texts: dict[str, dict[str, int]] = {name: {} for name in self._templates}
        self.probe: list[str] = []
        self.others: dict[str, dict[str, int]] = {}
        self.counts: dict[str, list[int]] = {name: [] for name in self._templates}
        self.versions: list[str] = []
        self.contents: set[str] = set()
        self.failures: list[dict[str, str]] = []
        self.misfits = DocumentCounts()
        self.spoken: dict[str, Spoken] = {}
        self.chunks = self.tokens = self.duplicates = 0

    def add(self, prepared: Prepared) -> None:
        """Take what a reader gave."""
        self.misfits.misfit(prepared.unfit)
        self.spoken |= {sound.samples_hash: sound for sound in prepared.spoken}
        self.failures += [
            {"document": f.document_id, "error": f.error, "message": f.message} for f in prepared.failures
        ]
        rows = prepared.documents.filter(pc.equal(prepared.documents["state"], "active"))
        columns = (rows[c].to_pylist() for c in ("document_id", "text_hash", "content_hash"))
        for identity, text_hash, content in zip(*columns, strict=True):
            self.contents.add(content)
            self.duplicates += self._first.setdefault(text_hash, identity) != identity
        self._choose(prepared.chunks)
        texts = prepared.chunks.filter(is_text(prepared.chunks))
        self.versions += texts["version"].to_pylist()
        for name, template in self._templates.items():
            filled = template.fill(texts)
            costs = filled[COST].to_pylist()
            self.texts[name] |= zip(filled[HASH].to_pylist(), costs, strict=True)
            self.counts[name] += costs
        if len(texts) < len(prepared.chunks):
            self._add_others(prepared.chunks)
        self.chunks += len(prepared.chunks)
        self.tokens += pc.sum(prepared.chunks["token_count"]).as_py() or 0
        self.probe += texts["text"].slice(0, PROBE_TEXTS - len(self.probe)).to_pylist()

    def _add_others(self, chunks: pa.Table) -> None:
        filled = next(iter(self._templates.values())).fill(chunks.filter(pc.invert(is_text(chunks))))
        columns = (filled[name].to_pylist() for name in ("modality", HASH, COST))
        for modality, content, cost in zip(*columns, strict=True):
            self.others.setdefault(modality, {})[content] = cost

    def fail(self, file: File, error: DocumentError) -> None:
        """Take what is wrong with a file whose records cannot be read."""
        self.failures.append({"document": file.document_id, "error": type(error).__name__, "message": error.message})

    def _choose(self, chunks: pa.Table) -> None:
        """Keep the chunks with the lowest of random numbers, so that each one met has the same chance."""
        drawn = np.random.default_rng().random(len(chunks))
        lowest = np.argsort(drawn)[: self._most]
        rows = chunks.take(pa.array(lowest, pa.int64())).select(["document_id", *SHOWN]).to_pylist()
        both = [*self._sample, *zip(drawn[lowest].tolist(), rows, strict=True)]
        self._sample = sorted(both, key=lambda pair: pair[0])[: self._most]

    def sample(self) -> list[dict[str, Any]]:
        """The chunks that were kept."""
        return [row for _, row in self._sample]


def spread_files(files: list[File], most_bytes: int) -> tuple[list[File], float]:
    """Files spread evenly over all, and which part of the bytes they have."""
    total = sum(file.size for file in files)
    if total <= most_bytes:
        return files, 1.0
    step = max(int(len(files) * most_bytes / total), 1)
    chosen = files[:: max(len(files) // step, 1)]
    return chosen, min(sum(min(file.size, most_bytes) for file in chosen) / total, 1.0)


def some_works(
    corpus: Corpus, files: list[File], most_bytes: int, fail: Callable[[File, DocumentError], None]
) -> Iterator[Work]:
    """Work for the readers: all of the files, and the beginnings of those that hold records.

    Args:
        corpus: whose files.
        files: some.
        most_bytes: of the records of a file.
        fail: is told what is wrong with a file whose records cannot be read.
    """
    yield from group_files(file for file in files if not file.is_container)
    for file in (file for file in files if file.is_container):
        read = 0
        try:
            for block in each_within(works_of(file, corpus), corpus.extraction.timeout):
                yield block
                read += block.size
                if read > most_bytes:
                    break
        except Exception as error:  # whatever a parser or a file system raises
            fail(file, document_error(error, corpus.extraction.timeout, fetching=True))
