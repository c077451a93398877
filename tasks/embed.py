"""Embedding: a model's table brought up to the chunks, whatever came before.

What is pending is never written down: it is the chunks without a row of their version in the model's table.
A text that the table has a vector for is not embedded again.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from tasks.batches import Batch, halve, make_batches
from tasks.columns import among
from tasks.errors import DocumentError, EmbedlakeError, OverlongChunk, UnusableVector
from tasks.failures import record_failures
from tasks.lake import Lake
from tasks.pending import TextHashes, pending_chunks, remove_orphans
from tasks.pools import Embedded, Pool
from tasks.prepare import Failure
from tasks.progress import EmbeddingCounts, Progress, Report

logger = logging.getLogger("embedlake.embed")

COMMIT_ROWS = 32_768
_WAITING_SECONDS = 10.0  # after these, encoders begin with what is there,
_STILL_COMING = 10  # and so many times as much is taken to come
CHUNKS_IN_WINDOW = 16_384  # sorted by length together

StartPool = Callable[[int, list[pa.Table]], Pool]
"""Starts encoders and makes their table, given the number of tokens known to be pending (a lower bound) and the
chunks that have them."""


class Embedding:
    """Brings one model's table up to the chunks.

    Args:
        lake: where the tables are.
        table: the model's, full name; it may not exist yet.
        start_pool: starts encoders when something has to be embedded.
        report: is told of progress.
    """

    def __init__(self, lake: Lake, table: str, start_pool: StartPool, report: Report) -> None:
        self._lake = lake
        self._table = table
        self._start_pool = start_pool
        self._report = report
        self._pool: Pool | None = None
        self._submitted = TextHashes(lake.read(table, ["text_hash"])["text_hash"])
        self._rows: list[pa.Table] = []
        self._outstanding = 0  # batches without a result
        self._halves: deque[Batch] = deque()
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
            self._embed(chain(self._pending(), arrivals))
            while remaining := len(pending := pending_chunks(self._lake, self._table)):
                self._embed(self._fetch(pending), first=False)
                if len(pending_chunks(self._lake, self._table)) >= remaining:
                    raise EmbedlakeError(
                        f"{remaining} chunks stay without a vector in {self._table}",
                        "Run again; if it stays so, report it.",
                    )
        except BaseException as error:
            if not isinstance(error, Exception):  # asked to stop: keep what is embedded
                self._commit()
            raise
        finally:
            if self._pool:
                self._pool.close()
        if self._lake.count(self._table):
            self.counts.removed = remove_orphans(self._lake, self._table)
        self.counts.rows = self._lake.count(self._table)
        self.counts.seconds = time.monotonic() - started
        return self.counts

    def _pending(self) -> Iterator[pa.Table]:
        yield from self._fetch(pending_chunks(self._lake, self._table))

    def _fetch(self, chunk_ids: pa.ChunkedArray) -> Iterator[pa.Table]:
        if len(chunk_ids) > self._lake.count(self._lake.name("chunks")) // 2:  # most of them: one pass is cheaper
            for rows in self._lake.scan(self._lake.name("chunks")):
                yield rows.filter(among(rows["chunk_id"], chunk_ids))
            return
        for start in range(0, len(chunk_ids), CHUNKS_IN_WINDOW):
            ids = chunk_ids.slice(start, CHUNKS_IN_WINDOW).to_pylist()
            yield self._lake.read_in(self._lake.name("chunks"), "chunk_id", ids, self._lake.chunk_columns())

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
            seen = self._submitted.among(rows["text_hash"])
            if seen.any():
                without = self._reuse(rows.filter(pa.array(seen)))
                rows = rows.filter(pa.array(~seen))
                rows = rows if first else pa.concat_tables([rows, without])
            self._submitted.add(rows["text_hash"])
            self._tell()
            yield rows if rows.num_rows else None

    def _reuse(self, rows: pa.Table) -> pa.Table:
        """Land rows with the vectors that the table has for their texts; gives the rows that it has none for."""
        found = self._lake.read_in(self._table, "text_hash", rows["text_hash"].to_pylist(), ["text_hash", "vector"])
        first = {text_hash: i for i, text_hash in enumerate(found["text_hash"].to_pylist())}
        at = [first.get(text_hash) for text_hash in rows["text_hash"].to_pylist()]
        here = pa.array([position is not None for position in at])
        if first:
            vectors = found["vector"].combine_chunks().take(pa.array([p for p in at if p is not None], pa.int64()))
            reused = rows.filter(here).append_column(self._lake.vector_field(self._table), vectors)
            self._land(reused)
            self.counts.reused += reused.num_rows
        return rows.filter(pc.invert(here))

    def _batches(self, windows: Iterator[pa.Table | None], pool: Pool) -> Iterator[Batch | None]:
        """The batches of all windows, and the halves of those that failed, until every one has its result."""
        for window in windows:
            for batch in make_batches(window, pool.batch_tokens, pool.max_tokens) if window is not None else [None]:
                yield from self._again()
                self._outstanding += batch is not None
                yield batch
        while self._outstanding or self._halves:
            yield from self._again()
            yield None

    def _again(self) -> Iterator[Batch]:
        while self._halves:
            self._outstanding += 1
            yield self._halves.popleft()

    def _take(self, result: Embedded) -> None:
        """Land a batch; halve one that failed until the text that does it is found."""
        batch = result.batch
        self._outstanding -= 1
        if result.error is not None:
            middle = len(batch.texts) // 2
            if middle:
                self._halves += [halve(batch, 0, middle), halve(batch, middle, len(batch.texts))]
            else:
                self._fail(batch.rows, result.error)
            return
        assert self._pool is not None
        limit = self._pool.max_tokens
        overlong = [count > limit for count in result.token_counts]
        keep = list(range(len(batch.positions)))
        if any(overlong) and self._lake.corpus.overlong == "refuse":
            refused = [i for i in keep if overlong[batch.positions[i]]]
            keep = [i for i in keep if not overlong[batch.positions[i]]]
            error = OverlongChunk(
                f"longer than the {limit} tokens that the model reads",
                "Lower `chunking: size`, or set `overlong: count`.",
            )
            self._fail(batch.rows.take(refused), error)
        else:
            self.counts.overlong += sum(overlong)
        vectors = result.vectors[[batch.positions[i] for i in keep]]
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
        self._land(batch.rows.take(keep).append_column(self._lake.vector_field(self._table), column))
        self.counts.embedded += len(batch.texts)
        self.counts.tokens += sum(min(count, limit) for count in result.token_counts)

    def _fail(self, rows: pa.Table, error: Exception) -> None:
        cause = (
            error
            if isinstance(error, DocumentError)
            else UnusableVector(f"{type(error).__name__}: {str(error)[-500:]}")
        )
        failures = [
            Failure(
                row["document_id"], row["uri"], f"embed:{self._table}", type(cause).__name__,
                f"chunk {row['ordinal']} ({row['start']}-{row['end']}): {cause.message}",
                cause.hint, False, row["chunk_id"], row["version"],
            )
            for row in rows.drop_columns(["text", "heading_path"]).to_pylist()
        ]  # fmt: skip
        record_failures(self._lake, failures)
        self.counts.failed += len(failures)

    def _land(self, rows: pa.Table) -> None:
        self._rows.append(rows)
        waiting = sum(table.num_rows for table in self._rows)
        if waiting >= COMMIT_ROWS or time.monotonic() - self._last_commit > self._commit_seconds:
            self._commit()
        self._landed += rows.num_rows
        self._tell()

    def _commit(self) -> None:
        if self._rows:
            rows = pa.concat_tables(self._rows)
            self._lake.merge(self._table, rows)
            self._rows = []  # not before: a commit that is broken off by a signal is made again, which the key allows
            logger.info("%d vectors landed in %s", rows.num_rows, self._table)
        self._last_commit = time.monotonic()

    def _tell(self) -> None:
        self._report(Progress("embed", self._landed, max(self._known_total, self._landed), "chunks"))
