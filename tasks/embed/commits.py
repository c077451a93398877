"""Landing vectors: rows and failures gathered, and written together every few seconds."""

import logging
import time
from collections.abc import Callable

import pyarrow as pa

from tasks.config.models import Model
from tasks.embed.pending import failure_settings
from tasks.embed.rows import failures_of
from tasks.errors import DocumentError
from tasks.lake.failures import record_failures
from tasks.lake.tables import Lake
from tasks.models.template import HASH
from tasks.progress import EmbeddingCounts, Progress, Report
from tasks.records import Failure

logger = logging.getLogger("embedlake.embed")

COMMIT_ROWS = 32_768


class Commits:
    """Writes one model's table and the failures to embed into it.

    Args:
        lake: that has the table.
        table: full name.
        model: its settings.
        report: is told of progress.
        counts: to add to.

    Attributes:
        settle: is told the hashes of what was embedded or failed, once that is written.
    """

    def __init__(self, lake: Lake, table: str, model: Model, report: Report, counts: EmbeddingCounts) -> None:
        self._lake = lake
        self._table = table
        self._settings = failure_settings(lake.corpus, model)
        self._report = report
        self._counts = counts
        self._rows: list[pa.Table] = []
        self._failures: list[Failure] = []
        self._settled: list[pa.ChunkedArray] = []  # hashes of what is embedded of them
        self.settle: Callable[[pa.ChunkedArray], None] = lambda _: None
        self._expected = 0
        self._landed = 0
        self.begin()

    def begin(self) -> None:
        """Encoders begin now: the time in which they were started is no time without a commit."""
        self._last_commit = time.monotonic()

    def expect(self, rows: int) -> None:
        """So many rows more are to be landed, or to fail."""
        self._expected += rows

    def land(self, rows: pa.Table) -> None:
        """Take rows with vectors; written when enough have come together, or long ago."""
        self._rows.append(rows)
        self._settled.append(rows[HASH])
        waiting = sum(table.num_rows for table in self._rows)
        if waiting >= COMMIT_ROWS or time.monotonic() - self._last_commit > self._lake.corpus.resources.commit_seconds:
            self.commit()
        self._landed += rows.num_rows
        self.report()

    def fail(self, rows: pa.Table, cause: DocumentError) -> None:
        """Take rows that cannot be embedded."""
        self._failures += failures_of(rows, self._table, cause, self._settings)
        self._settled.append(rows[HASH])
        self._counts.failed += len(rows)

    def commit(self) -> None:
        """Write what waits: failures first, so that nothing is left out without a word."""
        record_failures(self._lake, self._failures)
        self._failures = []
        if self._rows:
            rows = pa.concat_tables(self._rows)
            self._lake.merge(self._table, rows)
            self._rows = []  # not before: a commit that is broken off by a signal is made again, which the key allows
            logger.info("%d vectors landed in %s", rows.num_rows, self._table)
        for hashes in self._settled:
            self.settle(hashes)
        self._settled = []
        self._last_commit = time.monotonic()

    def report(self) -> None:
        """Report progress."""
        total = max(self._expected, self._landed)
        self._report(Progress("embed", self._landed, total, "chunks", self._counts.cost))
