"""Progress and counts: what a run tells while it works and when it ends."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

logger = logging.getLogger("embedlake.documents")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is.

    Attributes:
        stage: its name.
        done: units done.
        total: units known so far, or None while nobody can know.
        unit: documents or chunks.
        cost: USD that were paid so far; None where nothing is paid, or nobody knows.
    """

    stage: str
    done: int
    total: int | None
    unit: str
    cost: float | None = None


def dollars(cost: float) -> str:
    """A sum of money, to the cent or to its first digits."""
    if 0 < cost < 1e-4:
        return f"{cost:.{1 - math.floor(math.log10(cost))}f} USD"
    return f"{cost:,.2f} USD" if cost >= 1 or not cost else f"{cost:.2g} USD"


Report = Callable[[Progress], None]
_NAMED = 20  # documents that are kept


@dataclass(slots=True)
class Unfit:
    """Values that do not fit a metadata field, which is null instead: how many, and the first with its document."""

    count: int
    first: str


@dataclass(slots=True)
class LeftOut:
    """What is not in the text of documents, such as pages without text: how much, and of how many documents."""

    count: int = 0
    documents: int = 0

    def add(self, other: "LeftOut") -> None:
        """Count what others lack too."""
        self.count += other.count
        self.documents += other.documents


@dataclass(slots=True)
class DocumentCounts:
    """What happened to documents.

    Attributes:
        listed: files that the sources hold.
        unchanged: files not read, since the lake knows this version of them.
        new, changed, touched: documents read that the lake did not know; knew otherwise; knew just so.
        moved: new ones whose content a document had that is gone.
        deleted: documents that are gone.
        duplicates: documents that say what another one says, the first of each left out, as the lake is at the end;
            and records without an id that are equal to one before them in their file.
        kept: documents that cannot be read now and stay as they were; kept_first: the first of them.
        failed: documents that failed in this run.
        chunks: chunks written; tokens: in them; read_bytes: read, after decompression.
        skipped: what holds no text, by media type or kind (`named pipe`, `broken link`).
        unfit: values that did not fit their metadata field, which is null there, by field.
        unfit_first: the first of them, by field.
        left_out: what is not in the text of documents, by kind.
        transcribed: sounds and films whose words were written down; transcribed_seconds: of sound in them.
    """

    listed: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    touched: int = 0
    moved: int = 0
    deleted: int = 0
    duplicates: int = 0
    kept: int = 0
    kept_first: list[str] = field(default_factory=list)
    failed: int = 0
    chunks: int = 0
    tokens: int = 0
    read_bytes: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, int] = field(default_factory=dict)
    unfit_first: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    transcribed: int = 0
    transcribed_seconds: float = 0.0

    def leave_out(self, found: Mapping[str, LeftOut]) -> None:
        """Count what is not in the text of documents."""
        for kind, more in found.items():
            self.left_out.setdefault(kind, LeftOut()).add(more)

    def misfit(self, found: Mapping[str, Unfit]) -> None:
        """Count values that did not fit a metadata field."""
        for name, values in found.items():
            self.unfit[name] = self.unfit.get(name, 0) + values.count
            if name not in self.unfit_first:
                self.unfit_first[name] = values.first
                logger.warning("null instead of a value that does not fit: %s", values.first)

    def skip(self, found: Mapping[str, int]) -> None:
        """Count what holds no text, by kind."""
        for kind, count in found.items():
            self.skipped[kind] = self.skipped.get(kind, 0) + count

    def keep(self, document_ids: list[str]) -> None:
        """Count documents that stay as they were."""
        self.kept += len(document_ids)
        self.kept_first += document_ids[: _NAMED - len(self.kept_first)]


@dataclass(slots=True)
class EmbeddingCounts:
    """What happened to one model's table.

    Attributes:
        table: its full name.
        embedded: texts, images and the like that the model embedded; tokens: in texts.
        by_modality: of these, what is no text.
        billed: tokens that a service was paid for; cost: USD; None where nothing was, or nobody knows.
        saved: USD that the reused vectors would have cost; None likewise.
        reused: rows written with a vector that the table had for the same text; reused_tokens: in them.
        removed: rows of chunks that are gone.
        overlong: embedded texts longer than the model reads, of which it read the beginning.
        failed: chunks that failed in this run.
        refused: those of them that are longer than the model reads, which the corpus refuses.
        lost: chunks that wait, since their content is not what was read, or not to be had; lost_first: the first.
        batches: jobs of a Batch API that are under way at the end; waiting: texts in them; expected: USD that they are
            to cost, None where nobody knows; since: when the oldest of them was created, as ISO 8601 has it; told: what
            the provider says of it.
        submitted: texts that this run submitted in batches.
        rows: of the table at the end; pending: chunks that it still lacks then.
        seconds: from the first batch to the last commit.
        state: of the table at the end: building, ready, live or frozen.
        backend: what ran the model, and how precisely; empty where nothing was embedded.
    """

    table: str
    embedded: int = 0
    tokens: int = 0
    billed: int = 0
    cost: float | None = None
    saved: float | None = None
    reused: int = 0
    reused_tokens: int = 0
    removed: int = 0
    overlong: int = 0
    failed: int = 0
    refused: int = 0
    batches: int = 0
    waiting: int = 0
    expected: float | None = None
    since: str = ""
    told: str = ""
    submitted: int = 0
    rows: int = 0
    pending: int = 0
    seconds: float = 0.0
    state: str = "building"
    backend: str = ""
    by_modality: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    lost_first: str = ""

    def count(self, modality: str, items: int) -> None:
        """Count what was embedded."""
        self.embedded += items
        if modality != "text":
            self.by_modality[modality] = self.by_modality.get(modality, 0) + items

    def lose(self, document_ids: list[str], reason: str) -> None:
        """Count chunks whose content is not to be had as it was read."""
        self.lost += len(document_ids)
        self.lost_first = self.lost_first or f"{document_ids[0]}: {reason}"


@dataclass(slots=True)
class RunReport:
    """What a run did; what the CLI prints and the runs table keeps."""

    corpus: str
    kind: str
    run_id: str
    documents: DocumentCounts = field(default_factory=DocumentCounts)
    models: list[EmbeddingCounts] = field(default_factory=list)
    promoted: str = ""  # the table that this run made live
    unkept: str = ""  # why the live table could not be brought up to the chunks
    unkept_cost: float = 0.0  # USD that were paid for it all the same
    retired: list[str] = field(default_factory=list)  # tables that this run removed, as they were due
    notes: list[str] = field(default_factory=list)  # what stands between the models and being live
    others: dict[str, int] = field(default_factory=dict)  # tables of other corpora, told where this one had none yet
    hints: list[str] = field(default_factory=list)  # what else the corpus file could ask for
    seconds: float = 0.0
    failures: list[dict[str, str]] = field(default_factory=list)  # the first of those that failed in this run

    @property
    def failed(self) -> int:
        """Documents and chunks that failed in this run."""
        return self.documents.failed + sum(model.failed for model in self.models)

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        counts = self.documents
        worked = counts.new + counts.changed + counts.touched + counts.deleted + counts.failed + counts.kept
        return (
            not worked
            and not self.promoted
            and not self.retired
            and not any(m.embedded or m.reused or m.removed or m.failed or m.batches for m in self.models)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"failed": self.failed, "idle": self.idle}


_subscribers: list[Report] = []


@contextmanager
def subscribed(report: Report) -> Iterator[None]:
    """Have all progress in this process reported to a function."""
    _subscribers.append(report)
    try:
        yield
    finally:
        _subscribers.remove(report)


def publish(progress: Progress) -> None:
    """Report progress to every subscriber."""
    for report in list(_subscribers):
        report(progress)
