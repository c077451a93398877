"""Embedding: a model's table brought up to the chunks, whatever came before.

What is pending is never written down: it is the chunks without a row of their version in the model's table.
What the table has a vector for is not embedded again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.config.models import Model
from tasks.content.fetcher import Fetcher
from tasks.content.finding import COLUMNS, is_within
from tasks.embed.batches import Batch, items_of, make_batches
from tasks.embed.commits import Commits
from tasks.embed.contents import by_modality, content_batches
from tasks.embed.pending import Pending, pending_chunks, remove_orphans, stale_documents
from tasks.embed.pools import Embedded, Pool
from tasks.embed.reuse import Reuse
from tasks.embed.rows import overlong_chunk, with_vectors
from tasks.embed.trials import Trials
from tasks.embed.wider import Wider
from tasks.errors import DocumentError, EmbedlakeError, LostContent, ModelError
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT
from tasks.models.providers import provider_of
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.models.template import CONTENT, COST, NEEDED, Template, is_text
from tasks.progress import EmbeddingCounts, Report

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
        chosen: versions of the chunks to embed; None for all that are pending.
        wider: tables whose vectors begin with those of this one; see tasks.embed.wider.
        takes: what the model takes.
        counts: to add to; new ones by default.
    """

    def __init__(
        self,
        lake: Lake,
        table: str,
        model: Model,
        start_pool: StartPool,
        report: Report,
        chosen: pa.ChunkedArray | None = None,
        wider: Sequence[Wider] = (),
        takes: Takes = TEXT_ONLY,
        counts: EmbeddingCounts | None = None,
    ) -> None:
        self._lake = lake
        self._table = table
        self._model = model
        self._start_pool = start_pool
        self._chosen = chosen
        self._pool: Pool | None = None
        self.counts = counts or EmbeddingCounts(table)
        self._before = self.counts.billed, self.counts.cost  # what batches of a Batch API cost
        self._commits = Commits(lake, table, model, report, self.counts)
        template = Template(model)
        self._reuse = Reuse(lake, table, template, self._commits, self.counts, wider)
        first = lake.snapshot(table).take(np.arange(min(lake.count(table), 1)), [*NEEDED])
        known = len(first) and pc.all(is_text(first)).as_py()
        self._trials = Trials(model.model, items_of(template.fill(first))[0] if known else None)
        self._takes = takes
        self._fetcher = Fetcher(lake.corpus, takes)
        self._aside: dict[str, None] = {}  # versions of chunks whose content is not what was read
        self._outstanding = 0  # batches without a result
        self._broken: ModelError | None = None  # what ends the run, once what is under way has come in

    def run(self, arrivals: Iterator[pa.Table | None]) -> EmbeddingCounts:
        """Embed what is pending, and what arrives meanwhile, until nothing is left.

        Args:
            arrivals: tables of chunks just written; None where none is there yet.

        Raises:
            ModelError: the encoder fails as a whole; what was embedded is landed.
            EmbedlakeError: chunks stay pending although every one was tried.
        """
        started = time.monotonic()
        try:
            self._embed(chain(self._pending().windows(self._lake.chunk_columns()), arrivals))
            while len(pending := self._pending()):
                self._reuse.look()
                self._embed(pending.windows(self._lake.chunk_columns()), first=False)
                stuck = pc.sum(among(self._pending().versions, pending.versions)).as_py()
                if stuck:
                    raise EmbedlakeError(
                        f"{stuck} chunks stay without a vector in {self._table}",
                        "Run again; if it stays so, report it.",
                    )
        except BaseException as error:
            if isinstance(error, ModelError) or not isinstance(error, Exception):  # keep what is embedded
                self._commits.commit()
            raise
        finally:
            if self._pool:
                self._pool.close()
            self._fetcher.close()
        if self._lake.count(self._table):
            self.counts.removed += remove_orphans(self._lake, self._table)
        self.counts.rows = self._lake.count(self._table)
        self.counts.seconds += time.monotonic() - started
        return self.counts

    def _pending(self) -> Pending:
        return pending_chunks(self._lake, self._table, self._model, self._takes.modalities, self._chosen).without(
            list(self._aside)
        )

    def _embed(self, arrivals: Iterator[pa.Table | None], first: bool = True) -> None:
        """One pass: every row is landed with a known vector, embedded, or left for the next pass, which by then
        finds the vector or knows that there is none."""
        windows = self._reuse.unknown(self._at_hand(arrivals, first), first)
        tokens, held = self._begin(windows)
        if held:
            if self._pool is None:
                self._pool = self._start_pool(tokens, held)
                self.counts.backend = self._pool.backend
                self._commits.settle = self._pool.landed
            self._commits.begin()
            for result in self._pool.embed(self._batches(chain(held, windows), self._pool)):
                self.counts.billed, cost = self._before[0] + self._pool.billed, self._pool.cost
                self.counts.cost = self._before[1] if cost is None else (self._before[1] or 0.0) + cost
                try:
                    self._take(result, self._pool.max_cost)
                except ModelError as error:  # what others have under way is landed all the same
                    self._broken = self._broken or error
        self._commits.commit()
        if self._broken:
            raise self._broken

    def _at_hand(self, arrivals: Iterator[pa.Table | None], first: bool) -> Iterator[pa.Table | None]:
        """What the model takes of chunks. What lies in a file that has to be gone through is left for the pass after
        the first: by then all that is in it is known, and one way through it is enough."""
        if self._takes.modalities == TEXT and not first:
            yield from arrivals
            return
        for rows in arrivals:
            yield rows if rows is None or "modality" not in rows.column_names else self._wanted(rows, first)

    def _wanted(self, rows: pa.Table, first: bool) -> pa.Table:
        modalities = rows["modality"].fill_null("text")
        if pc.all(pc.equal(modalities, "text")).as_py() is not False and "text" in self._takes.modalities:
            return rows
        keep = among(modalities, list(self._takes.modalities)).to_numpy()
        for place, told in enumerate(rows.select([*COLUMNS]).to_pylist() if first else ()):
            if keep[place] and told["modality"] in self._takes.modalities - TEXT:
                keep[place] = not is_within(told)
        return rows.filter(pa.array(keep))

    def _begin(self, windows: Iterator[pa.Table | None]) -> tuple[int, list[pa.Table]]:
        """The first windows, until they tell how much work there is; with the tokens that are expected in all."""
        served = provider_of(self._model.model) is not None  # then how much it is changes nothing
        enough = 0 if served else self._lake.corpus.resources.in_process_below
        held: list[pa.Table] = []
        tokens, began = 0, time.monotonic()
        for window in windows:
            if window is not None:
                held.append(window)
                tokens += pc.sum(window[COST]).as_py()
                if time.monotonic() - began > _WAITING_SECONDS:
                    return tokens * _STILL_COMING, held
                if tokens >= enough or self._pool:
                    break
        return tokens, held

    def _batches(self, windows: Iterator[pa.Table | None], pool: Pool) -> Iterator[Batch | None]:
        """The batches of all windows, and those that have to be tried again, until every one has its result."""
        for window in windows:
            for batch in self._batches_of(window, pool) if window is not None else [None]:
                yield from self._again()
                if self._broken:
                    return
                self._outstanding += batch is not None
                yield batch
        while (self._outstanding or self._trials) and not self._broken:
            yield from self._again(idle=not self._outstanding)
            yield None

    def _batches_of(self, window: pa.Table, pool: Pool) -> Iterator[Batch]:
        for modality, rows in by_modality(window):
            if modality == "text":
                rows = self._readable(rows, pool)
                yield from make_batches(rows, pool.batch_cost, pool.max_cost, pool.batch_items)
            else:
                yield from content_batches(rows, pool.content_cost, self._fetcher, self._lose)

    def _readable(self, rows: pa.Table, pool: Pool) -> pa.Table:
        """Texts that are no longer than the model reads, where the corpus refuses such and a service asks for money."""
        counts = pool.counted(rows[CONTENT].to_pylist()) if self._lake.corpus.overlong == "refuse" else None
        if not counts or max(counts) <= pool.max_cost:
            return rows
        longer = pa.array(np.array(counts) > pool.max_cost)
        self._reuse.fail(rows.filter(longer).drop_columns([CONTENT, COST]), overlong_chunk(pool.max_cost))
        self.counts.refused += pc.sum(longer).as_py()
        return rows.filter(pc.invert(longer))

    def _lose(self, rows: pa.Table, cause: DocumentError) -> None:
        """Rows whose content does not decode fail, and so do those whose file cannot be read now; others wait until the
        next run has seen what became of it."""
        if not isinstance(cause, LostContent):
            self._reuse.fail(rows, cause)
        elif pc.all(among(rows["document_id"], stale_documents(self._lake))).as_py():
            self._commits.fail(rows, cause)
        else:
            self._aside |= dict.fromkeys(rows["version"].to_pylist())
            self.counts.lose(rows["document_id"].to_pylist(), cause.message)

    def _again(self, idle: bool = False) -> Iterator[Batch | None]:
        while not self._broken and (seconds := self._trials.pause()):  # the encoder is asked for nothing meanwhile
            if not self._outstanding:
                time.sleep(min(seconds, 1.0))
            yield None
        while not self._broken and (batch := self._trials.next(idle and not self._outstanding)) is not None:
            self._outstanding += 1
            yield batch

    def _take(self, result: Embedded, limit: int) -> None:
        """Land a batch; of one that failed, find out whose fault it is."""
        batch = result.batch
        self._outstanding -= 1
        at_fault = self._trials.passed(batch) if result.error is None else self._trials.failed(batch, result.error)
        if at_fault is None:
            self._land(result, limit)
        for failed, cause in at_fault or []:
            self._reuse.fail(failed.rows, cause)

    def _land(self, result: Embedded, limit: int) -> None:
        batch = result.batch
        tokens = np.array([result.costs[position] for position in batch.positions])
        keep = np.arange(len(tokens))
        texts = batch.items[0].modality == "text"
        if texts and self._lake.corpus.overlong == "refuse":
            self._reuse.fail(batch.rows.take(pa.array(np.flatnonzero(tokens > limit))), overlong_chunk(limit))
            self.counts.refused += int((tokens > limit).sum())
            keep = np.flatnonzero(tokens <= limit)
        elif texts:
            self.counts.overlong += sum(count > limit for count in result.costs)
        if len(keep):
            vectors = result.vectors[np.array(batch.positions)[keep]]
            rows = batch.rows.take(pa.array(keep))
            self._commits.land(with_vectors(rows, vectors, tokens[keep], self._model.store))
        self.counts.count(batch.items[0].modality, len(batch.items))
        self.counts.tokens += sum(min(count, limit) for count in result.costs) if texts else 0
