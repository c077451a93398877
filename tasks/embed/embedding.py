"""Embedding: a model's table brought up to the chunks, whatever came before.

What is pending is never written down: it is the chunks without a row of their version in the model's table.
A text that the table has a vector for is not embedded again.
"""

import logging
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.config.settings import Model
from tasks.embed.batches import Batch, items_of, make_batches
from tasks.embed.pending import Pending, failure_settings, pending_chunks, remove_orphans
from tasks.embed.pools import Embedded, Pool
from tasks.embed.trials import Trials
from tasks.errors import DocumentError, EmbedlakeError, ModelError, OverlongChunk, UnusableVector
from tasks.lake.failures import EMBEDDING, record_failures
from tasks.lake.lookup import Lookup, NumberSet, numbers_of
from tasks.lake.schemas import EMBEDDED
from tasks.lake.tables import Lake
from tasks.progress import EmbeddingCounts, Progress, Report
from tasks.records import Failure

logger = logging.getLogger("embedlake.embed")

COMMIT_ROWS = 32_768
_WAITING_SECONDS = 10.0  # after these, encoders begin with what is there,
_STILL_COMING = 10  # and so many times as much is taken to come

StartPool = Callable[[int, list[pa.Table]], Pool]
"""Starts encoders and makes their table, given the number of tokens known to be pending (a lower bound) and the
chunks that have them."""


class Embedding:
    """Brings one model's table up to the chunks.

    Args:
        lake: where the tables are.
        table: the model's, full name; it may not exist yet.
        model: its settings.
        start_pool: starts encoders when something has to be embedded.
        report: is told of progress.
    """

    def __init__(self, lake: Lake, table: str, model: Model, start_pool: StartPool, report: Report) -> None:
        self._lake = lake
        self._table = table
        self._model = model
        self._start_pool = start_pool
        self._report = report
        self._pool: Pool | None = None
        self._look()
        first = lake.snapshot(table).take(np.arange(min(lake.count(table), 1)), ["modality", "text", "token_count"])
        self._trials = Trials(model.model, items_of(first)[0] if len(first) else None)
        self._submitted = NumberSet()  # texts that are on their way
        self._unusable: dict[str, DocumentError] = {}  # why a text has no vector, by its hash
        self._rows: list[pa.Table] = []
        self._failures: list[Failure] = []
        self._outstanding = 0  # batches without a result
        self._commit_seconds = lake.corpus.resources.commit_seconds
        self._last_commit = time.monotonic()
        self._known_total = 0
        self._landed = 0
        self.counts = EmbeddingCounts(table)

    def run(self, arrivals: Iterator[pa.Table | None]) -> EmbeddingCounts:
        """Embed what is pending, and what arrives meanwhile, until nothing is left.

        Args:
            arrivals: tables of chunks just written; None where none is there yet.

        Raises:
            EmbedlakeError: chunks stay pending although every one was tried.
        """
        started = time.monotonic()
        try:
            self._embed(chain(self._pending().windows(self._lake.chunk_columns()), arrivals))
            while len(pending := self._pending()):
                self._look()
                self._embed(pending.windows(self._lake.chunk_columns()), first=False)
                stuck = pc.sum(among(self._pending().versions, pending.versions)).as_py()
                if stuck:
                    raise EmbedlakeError(
                        f"{stuck} chunks stay without a vector in {self._table}",
                        "Run again; if it stays so, report it.",
                    )
        except BaseException as error:
            if isinstance(error, ModelError) or not isinstance(error, Exception):  # keep what is embedded
                self._commit()
            raise
        finally:
            if self._pool:
                self._pool.close()
        if self._lake.count(self._table):
            self.counts.removed += remove_orphans(self._lake, self._table)
        self.counts.rows = self._lake.count(self._table)
        self.counts.seconds = time.monotonic() - started
        return self.counts

    def _pending(self) -> Pending:
        return pending_chunks(self._lake, self._table, self._model)

    def _look(self) -> None:
        """See which texts the table has vectors for."""
        self._vectors = Lookup(self._lake.snapshot(self._table), "text_hash", hashes=True)

    def _embed(self, arrivals: Iterator[pa.Table | None], first: bool = True) -> None:
        """One pass: every row is landed with a known vector, embedded, or left for the next pass, which by then
        finds the vector or knows that there is none."""
        windows = self._unknown(arrivals, first)
        enough = self._lake.corpus.resources.in_process_below
        held: list[pa.Table] = []
        tokens, began = 0, time.monotonic()
        for window in windows:
            if window is not None:
                held.append(window)
                tokens += pc.sum(window["token_count"]).as_py()
                if time.monotonic() - began > _WAITING_SECONDS:
                    tokens *= _STILL_COMING
                    break
                if tokens >= enough or self._pool:
                    break
        if held:
            if self._pool is None:
                self._pool = self._start_pool(tokens, held)
                self.counts.backend = self._pool.backend
            self._last_commit = time.monotonic()
            batches = self._batches(chain(held, windows), self._pool)
            for result in self._pool.embed(batches):
                self._take(result)
        self._commit()

    def _unknown(self, arrivals: Iterator[pa.Table | None], first: bool) -> Iterator[pa.Table | None]:
        """Rows to embed. Those whose text has a vector are landed with it; in the first pass those whose text
        is on its way wait for the next."""
        for rows in arrivals:
            if rows is None or not rows.num_rows:
                yield None
                continue
            self._known_total += rows.num_rows
            rows = self._without_unusable(rows)
            numbers = numbers_of(rows["text_hash"])
            seen = self._submitted.among(numbers) | self._vectors.has(numbers)
            if seen.any():
                without = self._reuse(rows.filter(pa.array(seen)))
                rows = rows.filter(pa.array(~seen))
                rows = rows if first else pa.concat_tables([rows, without])
            self._submitted.add(numbers_of(rows["text_hash"]))
            self._tell()
            yield rows if rows.num_rows else None

    def _without_unusable(self, rows: pa.Table) -> pa.Table:
        """Set aside at once the rows whose text was set aside in this run."""
        if not self._unusable:
            return rows
        bad = among(rows["text_hash"], list(self._unusable))
        for text_hash in pc.unique(rows.filter(bad)["text_hash"]).to_pylist():
            self._fail(rows.filter(pc.equal(rows["text_hash"], text_hash)), self._unusable[text_hash])
        return rows.filter(pc.invert(bad))

    def _reuse(self, rows: pa.Table) -> pa.Table:
        """Land rows with the vectors that the table has for their texts; gives the rows that it has none for."""
        found = self._vectors.rows(pc.unique(rows["text_hash"]).to_pylist(), EMBEDDED)
        first = {text_hash: i for i, text_hash in enumerate(found["text_hash"].to_pylist())}
        at = [first.get(text_hash) for text_hash in rows["text_hash"].to_pylist()]
        here = pa.array([position is not None for position in at], pa.bool_())
        if first:
            known = found.select(EMBEDDED).take(pa.array([p for p in at if p is not None], pa.int64()))
            reused = rows.filter(here)
            for name in EMBEDDED:
                reused = reused.append_column(name, known[name])
            self._land(reused)
            self.counts.reused += reused.num_rows
        return rows.filter(pc.invert(here))

    def _batches(self, windows: Iterator[pa.Table | None], pool: Pool) -> Iterator[Batch | None]:
        """The batches of all windows, and the halves of those that failed, until every one has its result."""
        for window in windows:
            for batch in make_batches(window, pool.batch_cost, pool.max_cost) if window is not None else [None]:
                yield from self._again()
                self._outstanding += batch is not None
                yield batch
        while self._outstanding or self._trials:
            yield from self._again(idle=not self._outstanding)
            yield None

    def _again(self, idle: bool = False) -> Iterator[Batch]:
        while (batch := self._trials.next(idle and not self._outstanding)) is not None:
            self._outstanding += 1
            yield batch

    def _take(self, result: Embedded) -> None:
        """Land a batch; of one that failed, find out whose fault it is."""
        batch = result.batch
        self._outstanding -= 1
        if result.error is not None:
            self._trials.failed(batch, result.error)
            return
        at_fault = self._trials.passed(batch)
        if at_fault is not None:
            for culprit, error in at_fault:
                self._fail(culprit.rows, error)
            return
        assert self._pool is not None
        limit = self._pool.max_cost
        tokens = np.array([result.costs[position] for position in batch.positions])
        keep = np.arange(len(tokens))
        if self._lake.corpus.overlong == "refuse":
            self._fail(batch.rows.take(pa.array(np.flatnonzero(tokens > limit))), overlong_chunk(limit))
            self.counts.refused += int((tokens > limit).sum())
            keep = np.flatnonzero(tokens <= limit)
        else:
            self.counts.overlong += sum(count > limit for count in result.costs)
        if len(keep):
            vectors = result.vectors[np.array(batch.positions)[keep]]
            self._land(with_vectors(batch.rows.take(pa.array(keep)), vectors, tokens[keep]))
        self.counts.embedded += len(batch.items)
        self.counts.tokens += sum(min(count, limit) for count in result.costs)

    def _fail(self, rows: pa.Table, error: Exception) -> None:
        cause = (
            error
            if isinstance(error, DocumentError)
            else UnusableVector(f"{type(error).__name__}: {str(error)[-500:]}")
        )
        self._unusable |= dict.fromkeys(rows["text_hash"].to_pylist(), cause)
        settings = failure_settings(self._lake.corpus, self._model)
        self._failures += failures_of(rows, self._table, cause, settings)
        self.counts.failed += len(rows)

    def _land(self, rows: pa.Table) -> None:
        self._rows.append(rows)
        waiting = sum(table.num_rows for table in self._rows)
        if waiting >= COMMIT_ROWS or time.monotonic() - self._last_commit > self._commit_seconds:
            self._commit()
        self._landed += rows.num_rows
        self._tell()

    def _commit(self) -> None:
        record_failures(self._lake, self._failures)
        self._failures = []
        if self._rows:
            rows = pa.concat_tables(self._rows)
            self._lake.merge(self._table, rows)
            self._rows = []  # not before: a commit that is broken off by a signal is made again, which the key allows
            logger.info("%d vectors landed in %s", rows.num_rows, self._table)
        self._last_commit = time.monotonic()

    def _tell(self) -> None:
        self._report(Progress("embed", self._landed, max(self._known_total, self._landed), "chunks"))


def with_vectors(rows: pa.Table, vectors: np.ndarray, tokens: np.ndarray) -> pa.Table:
    """Chunks with what a model's table adds to them.

    Args:
        rows: as in the chunks table.
        vectors: float32 of shape (n_rows, dimension).
        tokens: of each chunk, as the model counts, of shape (n_rows,).
    """
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
    rows = rows.append_column("vector", column).append_column("tokens", pa.array(tokens, pa.int32()))
    return rows.append_column("checksum", pa.array(checksums(vectors, tokens), pa.int64()))


def checksums(vectors: np.ndarray, tokens: np.ndarray) -> list[int]:
    """The CRC-32 of each vector's bytes, begun with the tokens of its text."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    return [zlib.crc32(vector.data, count) for vector, count in zip(vectors, tokens.tolist(), strict=True)]


def overlong_chunk(limit: int) -> OverlongChunk:
    """What is wrong with a chunk that is longer than the model reads, where the corpus refuses it."""
    return OverlongChunk(
        f"longer than the {limit} tokens that the model reads", "Lower `chunking: size`, or set `overlong: count`."
    )


def failures_of(rows: pa.Table, table: str, cause: DocumentError, settings: str) -> list[Failure]:
    """Failures of chunks to be embedded.

    Args:
        rows: chunks.
        table: the model's, full name.
        cause: why.
        settings: hash of those that it may depend on.
    """
    columns = ["document_id", "uri", "ordinal", "start", "end", "chunk_id", "version"]
    return [
        Failure(
            row["document_id"], row["uri"], EMBEDDING + table, type(cause).__name__,
            f"chunk {row['ordinal']} ({row['start']}-{row['end']}): {cause.message}",
            cause.hint, False, settings, row["chunk_id"], row["version"],
        )
        for row in rows.select(columns).to_pylist()
    ]  # fmt: skip
