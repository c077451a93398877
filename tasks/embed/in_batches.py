"""Embedding by a Batch API: what a job answered is landed, what is pending goes into jobs, and a run may leave them to
a later one.

What is pending stays what the tables say. A text that is in a job is not put into another one until that one has
ended. An answer belongs to the text whose hash names its request: chunks that have it are landed, whichever they are by
then.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.config.models import Model
from tasks.embed.answered import Answered, AnsweredPool, Answers, paid_in_all, read_answers
from tasks.embed.commits import Commits
from tasks.embed.draft import Draft
from tasks.embed.embedding import Embedding
from tasks.embed.pending import Pending, pending_chunks, remove_orphans
from tasks.embed.pools import Pool
from tasks.embed.provider_jobs import ProviderJobs, new_name
from tasks.embed.reuse import Reuse
from tasks.embed.rows import overlong_chunk
from tasks.embed.wider import Wider
from tasks.errors import BudgetSpent, RefusedChunk, ServiceError, UnusableVector
from tasks.lake.jobs import Job, contents_of, contents_under_way, forget_unusable, summed, times_unusable
from tasks.lake.lookup import NumberSet, numbers_of
from tasks.lake.tables import Lake
from tasks.models.api.batch_client import BatchApi
from tasks.models.api.batch_wires import Told
from tasks.models.api.bill import Bill
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.fingerprint import PROBES
from tasks.models.interface import TEXT, Vectors, texts_of
from tasks.models.template import CONTENT, HASH, NEEDED, Template
from tasks.progress import EmbeddingCounts, Progress, Report

logger = logging.getLogger("embedlake.embed")

_TRIES = 3  # batches that may answer a text with nothing that can be used
_TEXTS_AT_ONCE = 500_000  # of jobs that are landed after one look at what is pending
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGER = 5.0, 60.0, 1.5  # seconds between two looks at what is under way


@dataclass(slots=True)
class InBatches:
    """Brings a model's table up to the chunks by batches, as far as they have ended.

    Attributes:
        lake: that has the table.
        table: full name.
        model: its settings.
        encoder: asks the model, knows how texts are sent, and has the answers to requests that a run before left.
        api: its provider's Batch API.
        bill: what batches cost, and may cost.
        check: given vectors of the probes, sees that the model is the one that filled the table, which it makes if it
            is not there.
        report: is told of progress.
        counts: to add to.
        chosen: versions of the chunks to embed; None for all that are pending.
        wider: tables whose vectors begin with those of this one.
    """

    lake: Lake
    table: str
    model: Model
    encoder: ApiEncoder
    api: BatchApi
    bill: Bill
    check: Callable[[Vectors], None]
    report: Report
    counts: EmbeddingCounts
    chosen: pa.ChunkedArray | None = None
    wider: Sequence[Wider] = ()
    _jobs: ProviderJobs = field(init=False)
    _template: Template = field(init=False)
    _spent: BudgetSpent | None = field(default=None, init=False)
    _checked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._jobs = ProviderJobs(self.lake, self.table, self.api)
        self._template = Template(self.model)

    def run(self, submit: bool) -> EmbeddingCounts:
        """Land what there is, submit what is pending, and wait as long as the settings say.

        Args:
            submit: whether what is pending goes into batches; else only what is under way is landed.

        Raises:
            ServiceError: the provider fails as a whole, or did nothing of a batch.
            BudgetSpent: what is still pending might cost more than is left; the rest is submitted.
        """
        try:
            self._land_paid()
            self._collect()
            if submit:
                self._submit()
                self._wait()
        finally:
            self._count()
            self.api.close()
        if self._jobs.wrong:
            raise ServiceError(
                f"{self.api.wire.name} did nothing of {len(self._jobs.wrong)} batches: {self._jobs.wrong[0]}",
                "They cost nothing, and their texts are pending. See to what it says, then run again.",
            )
        if self._spent:
            raise self._spent
        return self.counts

    def not_under_way(self) -> pa.ChunkedArray:
        """Versions of the pending chunks that are in no batch."""
        pending = self._pending()
        waiting = self._versions(contents_under_way(self.lake, self.table))
        there = [version for versions in waiting.values() for version in versions]
        return pending.versions.filter(pc.invert(among(pending.versions, there)))

    def _pending(self) -> Pending:
        return pending_chunks(self.lake, self.table, self.model, TEXT, self.chosen)

    def _count(self) -> None:
        lake, counts, table = self.lake, self.counts, self.table
        if lake.count(table):
            counts.removed += remove_orphans(lake, table)
        counts.rows = lake.count(table)
        told = summed(self._jobs.open)
        counts.batches, counts.waiting, counts.expected, counts.told = told.jobs, told.texts, told.cost, told.told
        counts.since = told.since.isoformat(timespec="seconds") if told.since else ""
        counts.billed, counts.cost = paid_in_all(self.bill, self.encoder)

    def _collect(self) -> int:
        """Land the answers of the jobs that have ended; how many."""
        count = 0
        for group in _groups(self._jobs.look()):
            contents = {job.name: contents_of(self.lake, job.name) for job, _ in group}
            versions = self._versions(pa.chunked_array([c for asked in contents.values() for c in asked.chunks]))
            for job, told in group:
                self._land_job(job, told, contents.pop(job.name).to_pylist(), versions)
                count += 1
        return count

    def _land_job(self, job: Job, told: Told, contents: list[str], versions: dict[str, list[str]]) -> None:
        with self._jobs.answers(told) as outcomes:
            answers = read_answers(outcomes, contents, self.encoder.dimension, self.api.wire.name)
        if answers.unknown:
            logger.warning("%s has %d answers to what was not asked; they are left", told.job, answers.unknown)
        if answers.vectors:
            self.check(Answered(self.encoder, answers).probes())
        came = len(answers.vectors) + len(answers.unusable)
        billed = answers.billed or round(job.tokens * came / job.texts)  # where the provider does not say it
        self.bill.settle(0, billed)
        self._land(answers, versions)
        self._jobs.landed(job, told, billed, self.bill.cost_of(billed), sorted(answers.unusable))
        logger.info("%s: %d of %d texts came back", told.job, len(answers.vectors), job.texts)
        if answers.wrong:
            raise answers.wrong

    def _land(self, answers: Answers, versions: dict[str, list[str]]) -> None:
        """Land the chunks of which a text is answered."""
        here = [v for content in (*answers.vectors, *answers.refused) for v in versions.get(content, ())]
        if not here:
            return
        chosen = pa.chunked_array([pa.array(here, pa.string())])

        def pool(_tokens: int, _windows: list[pa.Table]) -> Pool:
            self.encoder.spend_at_most(self.bill.left)
            return AnsweredPool(Answered(self.encoder, answers), self.encoder, self.bill)

        Embedding(self.lake, self.table, self.model, pool, self.report, chosen, self.wider, counts=self.counts).run(
            iter(())
        )

    def _land_paid(self) -> None:
        """Land what requests answered before the model was asked in batches."""
        if len(self.encoder.paid):
            versions = self._versions(pa.chunked_array([pa.array(self.encoder.paid.contents, pa.string())]))
            there = {content: self.encoder.paid.find(content) for content in versions}
            answers = Answers({content: found for content, found in there.items() if found})
            self._land(answers, versions)
            self.encoder.paid.settle(self.encoder.paid.contents)

    def _versions(self, contents: pa.ChunkedArray) -> dict[str, list[str]]:
        """The versions of the pending chunks of which some contents are embedded, by content."""
        wanted = NumberSet(numbers_of(contents))
        found: dict[str, list[str]] = {}
        for chunks in self._pending().windows([*NEEDED, "version"]) if len(contents) else ():
            rows = self._template.fill(chunks)
            rows = rows.filter(pa.array(wanted.among(numbers_of(rows[HASH])), pa.bool_()))
            for content, version in zip(rows[HASH].to_pylist(), rows["version"].to_pylist(), strict=True):
                found.setdefault(content, []).append(version)
        return found

    def _submit(self) -> None:
        """Put what is pending into jobs, unless it is in one."""
        if self._jobs.full or self._jobs.wrong or self._spent:
            return
        commits = Commits(self.lake, self.table, self.model, self.report, self.counts)
        reuse = Reuse(self.lake, self.table, self._template, commits, self.counts, self.wider)
        taken, useless = NumberSet(numbers_of(contents_under_way(self.lake, self.table))), self._useless()
        ahead, draft = sum(job.tokens for job in self._jobs.open), None
        probed = sum(self.encoder.most_billed(count) for _, count in self._probes())
        failed: set[str] = set()
        refuses = self.lake.corpus.overlong == "refuse"
        for rows in filter(None, reuse.unknown(self._pending().windows(self.lake.chunk_columns()), first=True)):
            rows = rows.filter(pa.array(~taken.among(numbers_of(rows[HASH])), pa.bool_()))
            texts = dict(zip(rows[HASH].to_pylist(), rows[CONTENT].to_pylist(), strict=True))
            for content in useless.keys() & texts.keys():
                reuse.fail(rows.filter(pc.equal(rows[HASH], content)), useless[content])
                failed.add(content)
            for content in [content for content, text in texts.items() if not text.strip()]:
                reuse.fail(rows.filter(pc.equal(rows[HASH], content)), RefusedChunk("there is nothing in it to embed"))
                failed.add(content)
            new = [content for content in texts if content not in failed]
            for content, (sent, count) in zip(new, self.encoder.as_sent([texts[c] for c in new]), strict=True):
                if refuses and count > self.encoder.max_cost:
                    reuse.fail(rows.filter(pc.equal(rows[HASH], content)), overlong_chunk(self.encoder.max_cost))
                    self.counts.refused += 1
                    continue
                tokens = self.encoder.most_billed(count)
                if not self._may_go(ahead, tokens + probed):
                    break
                ahead += tokens
                if draft is None or not draft.add(content, sent, tokens):
                    self._send(draft)
                    draft = self._begin()
                    ahead += draft.tokens
                    draft.add(content, sent, tokens)
            if self._jobs.full or self._spent:
                break
        commits.commit()
        if failed:
            forget_unusable(self.lake, self.table, failed)
        self._send(draft)

    def _useless(self) -> dict[str, UnusableVector]:
        """What batches answered with nothing that can be used, too often."""
        cause = UnusableVector(f"{self.api.wire.name} gave no usable vector in {_TRIES} batches")
        times = times_unusable(self.lake, self.table)
        return {content: cause for content, count in times.items() if count >= _TRIES}

    def _may_go(self, ahead: int, tokens: int) -> bool:
        """Whether so many tokens more than those that are under way are what the provider takes, and may be paid."""
        most = self.model.api.batch_tokens if self.model.api else None
        if most is not None and ahead and ahead + tokens > most:
            self._jobs.full = True
            return False
        try:
            self.bill.check(ahead + tokens)
        except BudgetSpent as spent:
            self._spent = spent
            return False
        return True

    def _begin(self) -> Draft:
        """A new draft, once the model is seen to be the one that filled the table: nothing is paid for another."""
        if not self._checked:
            self.check(self.encoder.probe())
            self._checked = True
        file = self._jobs.folder / f"{new_name()}.jsonl"
        return Draft(self.api, file, self.encoder.dimension, self._probes())

    def _probes(self) -> list[tuple[str, int]]:
        return self.encoder.as_sent(texts_of(PROBES))

    def _send(self, draft: Draft | None) -> None:
        """Have a draft done."""
        if draft is None:
            return
        draft.close()
        cost = self.bill.cost_of(draft.tokens)
        self._jobs.submit(draft.path, draft.path.stem, draft.contents, draft.tokens, cost)
        draft.path.unlink()
        self.counts.submitted += len(draft.contents)
        self.report(Progress("batches", 0, self.counts.submitted, "texts", self.bill.cost))

    def _wait(self) -> None:
        """Look again and again, for as long as the settings say, until nothing is under way."""
        minutes = self.model.api.batch_wait if self.model.api else 0.0
        until, pause, most = time.monotonic() + 60 * minutes, _FIRST_PAUSE, 0
        while self._jobs.open and not self._jobs.wrong and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * _LONGER, _LONGEST_PAUSE)
            if self._collect():
                self._jobs.full, pause = False, _FIRST_PAUSE
                self._submit()
            waiting = sum(job.texts for job in self._jobs.open)
            most = max(most, waiting)
            self.report(Progress("batches", most - waiting, most, "texts", self.bill.cost))


def _groups(ended: Iterable[tuple[Job, Told]]) -> Iterator[list[tuple[Job, Told]]]:
    """Jobs that are landed after one look at what is pending."""
    group: list[tuple[Job, Told]] = []
    for job, told in ended:
        group.append((job, told))
        if sum(job.texts for job, _ in group) >= _TEXTS_AT_ONCE:
            yield group
            group = []
    if group:
        yield group
