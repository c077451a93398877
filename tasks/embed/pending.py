"""What a model's table lacks and has too much of, read off the tables themselves."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.config.models import Model
from tasks.config.settings import Corpus
from tasks.errors import LostContent
from tasks.hashing import hash_settings
from tasks.lake.failures import EMBEDDING
from tasks.lake.snapshot import Snapshot
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT

CHUNKS_IN_WINDOW = 16_384  # sorted by length together


@dataclass(frozen=True, slots=True)
class Pending:
    """Chunks that have no vector yet.

    Attributes:
        chunks: the chunks table as it was when it was looked at.
        positions: of the chunks in it, ascending, int64 of shape (n_chunks,).
        versions: of the chunks.
    """

    chunks: Snapshot
    positions: np.ndarray
    versions: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.positions)

    def without(self, versions: list[str]) -> "Pending":
        """The same but for chunks of some versions."""
        if not versions:
            return self
        keep = pc.invert(among(self.versions, versions))
        return Pending(self.chunks, self.positions[keep.to_numpy()], self.versions.filter(keep))

    def windows(self, columns: list[str]) -> Iterator[pa.Table]:
        """Some columns of the chunks, a table at a time."""
        if len(self.positions) * 2 < len(self.chunks):
            for start in range(0, len(self.positions), CHUNKS_IN_WINDOW):
                yield self.chunks.take(self.positions[start : start + CHUNKS_IN_WINDOW], columns)
            return
        begin = 0  # most of them: one pass is cheaper
        for rows in self.chunks.scan(columns):
            first, last = self.positions.searchsorted([begin, begin + len(rows)])
            yield rows.take(pa.array(self.positions[first:last] - begin))
            begin += len(rows)


def pending_chunks(
    lake: Lake, table: str, model: Model, takes: Collection[str] = TEXT, chosen: pa.ChunkedArray | None = None
) -> Pending:
    """The chunks of what a model takes without a row of their version in its table, that did not fail there with the
    current settings.

    Args:
        lake: of the corpus.
        table: the model's, full name.
        model: its settings.
        takes: modalities that the model takes.
        chosen: versions of the chunks to look at; None for all.
    """
    chunks = lake.snapshot(lake.name("chunks"))
    rows = chunks.read(["version", "modality"])
    versions = rows["version"]
    done = lake.read(table, ["version"])["version"]
    failed = failed_versions(lake, table, model)
    missing = pc.and_(pc.invert(among(versions, done)), pc.invert(among(versions, failed)))
    missing = pc.and_(missing, among(rows["modality"].fill_null("text"), list(takes)))
    if chosen is not None:
        missing = pc.and_(missing, among(versions, chosen))
    return Pending(chunks, np.flatnonzero(missing), versions.filter(missing))


def failed_versions(lake: Lake, table: str, model: Model) -> pa.ChunkedArray:
    """Versions of the chunks that could not be embedded into a model's table with the current settings."""
    columns = ["chunk_version", "settings", "error", "document_id"]
    rows = lake.read(lake.name("failures"), columns, f"stage = '{EMBEDDING}{table}'")
    rows = rows.filter(pc.equal(rows["settings"], failure_settings(lake.corpus, model)))
    lost = pc.equal(rows["error"], LostContent.__name__)
    if pc.any(lost).as_py():  # it is looked for again when its file can be read
        rows = rows.filter(pc.or_(pc.invert(lost), among(rows["document_id"], stale_documents(lake))))
    return rows["chunk_version"]


def stale_documents(lake: Lake) -> pa.ChunkedArray:
    """Ids of the documents whose files cannot be read now, and which stay as they were."""
    return lake.read(lake.name("documents"), ["document_id"], "state = 'stale'")["document_id"]


def failure_settings(corpus: Corpus, model: Model) -> str:
    """The identity of the settings that may decide whether a chunk can be embedded, and are no part of the table's."""
    return hash_settings({"overlong": corpus.overlong, "backend": model.backend, "precision": model.precision})


def orphans(lake: Lake, table: str, documents_gone: bool = False) -> list[str]:
    """Keys of a model's rows whose chunk is gone; or only of those whose whole document is."""
    rows = lake.read(table, ["chunk_id", "document_id"])
    column = "document_id" if documents_gone else "chunk_id"
    there = lake.read(lake.name("chunks"), [column])[column]
    found: list[str] = rows.filter(pc.invert(among(rows[column], there)))["chunk_id"].to_pylist()
    return found


def remove_orphans(lake: Lake, table: str) -> int:
    """Delete a model's rows whose chunk is gone; how many."""
    gone = orphans(lake, table)
    lake.delete_in(table, "chunk_id", gone)
    return len(gone)


def refused_rows(lake: Lake, table: str, max_tokens: int, columns: list[str]) -> pa.Table:
    """Some columns of a model's rows that are longer than the model reads, where the corpus refuses such chunks."""
    longer = f"tokens > {max_tokens} AND (modality IS NULL OR modality = 'text')"
    return lake.read(table, columns, longer if lake.corpus.overlong == "refuse" else "false")
