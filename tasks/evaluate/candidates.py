"""Candidates: models measured on a sample of a corpus before anybody fills a table with them.

A lake of the sample, in a temporary folder, gets a table of each candidate by what fills every table, and a copy of the
rows that the corpus's own tables have of it. So a candidate is searched, and compared, as it would be searched later.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from tasks.config.models import Model
from tasks.config.settings import Corpus
from tasks.embed.update import embed_model, finish
from tasks.errors import ConfigurationError
from tasks.evaluate.documents import documents_of
from tasks.evaluate.evaluation import Options, bytes_of_rows, entries_of, evaluate
from tasks.evaluate.opened import Opened
from tasks.evaluate.results import ArmResult, Evaluation
from tasks.hashing import hash_settings
from tasks.lake.catalog import Entry, write_entries
from tasks.lake.fulltext import build_text_index
from tasks.lake.run import Run
from tasks.lake.tables import Lake
from tasks.models.find import resolve_model
from tasks.models.resolved import ResolvedModel
from tasks.progress import EmbeddingCounts, RunReport
from tasks.search.settle import settle_fusion

SAMPLE = 5_000
"""Chunks that candidates are measured on."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the sample stands for: chunks and tokens of the corpus for each one of the sample."""

    rows: float
    tokens: float


def candidate_of(corpus: Corpus, told: str) -> Model:
    """The settings of a candidate.

    Args:
        corpus: whose models may be named.
        told: `REFERENCE key=value …`: the name of a model of the corpus file or a reference as the file takes it, and
            settings that differ.

    Raises:
        ConfigurationError: it is none.
    """
    reference, *changes = told.split() or [""]
    settings = dict(change.partition("=")[::2] for change in changes)
    named = next((model for model in corpus.models if reference in (model.name, model.model)), None)
    base = named.model_dump(exclude_unset=True) if named else {"model": reference}
    name = named.name if named else Model.model_validate(reference or "?").name
    try:
        return Model.model_validate(base | {"name": _named(name, settings)} | settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise ConfigurationError(
            f"the candidate {told!r} cannot be used: {place}: {first['msg']}",
            'Write a reference and settings of a model, such as: --try "minilm dimension=128"',
        ) from None


def _named(model: str, settings: dict[str, str]) -> str:
    """The name of a candidate: the model's with its settings, or with their hash where they do not fit into a name."""
    suffix = "".join(f"-{key}-{value}" for key, value in settings.items())
    name = f"{model}-try{suffix}".replace(".", "-")
    if re.fullmatch(r"[\w-]{1,64}", name, re.ASCII):
        return name
    return f"{model[:40]}-try-{hash_settings(dict(settings))}"


def try_candidates(lake: Lake, options: Options, told: Sequence[str], sample: int) -> Evaluation:
    """Compare candidates with the tables of a lake, on a sample of its chunks; nothing is kept.

    Args:
        lake: whose chunks.
        options: as of any evaluation.
        told: the candidates, as `candidate_of` takes them.
        sample: how many chunks; those of the relevant documents of judged queries are always among them.

    Raises:
        ConfigurationError: one is no candidate, or the lake has no chunks.
        ModelError: one cannot be loaded.
    """
    models = [resolve_model(candidate_of(lake.corpus, one)) for one in told]
    chunks = _sampled(lake, options, sample)
    if not len(chunks):
        raise ConfigurationError("the lake has no chunks to measure with", "Fill it with: embedlake run CORPUS.yaml")
    with tempfile.TemporaryDirectory(prefix="embedlake-try-") as folder:
        small = _small_lake(lake, folder, models, chunks)
        own = [entry["table"] for entry in _copied(lake, small, options, chunks)]
        filled = {counts.table: counts for counts in _filled(small, models)}
        whole = _Whole(
            lake.count(lake.name("chunks")) / len(chunks),
            _tokens(lake.read(lake.name("chunks"), ["token_count"])) / max(_tokens(chunks), 1),
        )
        found = evaluate(small, replace(options, models=[*own, *filled]))
        told_more = (
            f"Measured on {len(chunks):,} of {lake.count(lake.name('chunks')):,} chunks, among which more is found than"
            " in all of them; sizes, and times of candidates, are those of the whole corpus."
        )
        arms = [_scaled(small, arm, filled.get(arm.arm.table), whole) for arm in found.arms]
    return replace(found, arms=arms, told=[*found.told, told_more])


def _sampled(lake: Lake, options: Options, count: int) -> pa.Table:
    """Chunks of relevant documents, and others spread evenly over the corpus."""
    columns = lake.chunk_columns()
    needed = _relevant(lake, options)
    kept = lake.read_in(lake.name("chunks"), "document_id", needed, columns)
    others = lake.snapshot(lake.name("chunks")).sample(max(count - len(kept), 0), columns)
    others = others.filter(pc.invert(pc.is_in(others["chunk_id"], kept["chunk_id"].combine_chunks())))
    return pa.concat_tables([kept, others.cast(kept.schema)])


def _relevant(lake: Lake, options: Options) -> set[str]:
    if options.grades is None:
        return set()
    grades, _ = documents_of(lake).grades({q: g for q, g in options.grades.items() if q in (options.queries or {})})
    return {document for graded in grades.values() for document, grade in graded.items() if grade > 0}


def _small_lake(lake: Lake, folder: str, models: Sequence[ResolvedModel], chunks: pa.Table) -> Lake:
    """A lake of some chunks and their documents."""
    corpus = lake.corpus
    here = corpus.lake.model_copy(update={"uri": folder, "options": {}})
    process = corpus.resources.model_copy(update={"in_process_below": 10**15})
    settings = [*corpus.models, *(model.settings for model in models)]
    small = Lake(corpus.model_copy(update={"lake": here, "resources": process, "models": settings}), create=True)
    small.merge(small.name("chunks"), chunks)
    documents = lake.name("documents")
    ids = set(chunks["document_id"].to_pylist())
    small.merge(small.name("documents"), lake.read_in(documents, "document_id", ids, lake.columns(documents)))
    return small


def _copied(lake: Lake, small: Lake, options: Options, chunks: pa.Table) -> list[Entry]:
    """The tables that candidates are compared with: those that are named, or the live one; with their rows."""
    if options.models:
        entries = entries_of(lake, Opened(lake), options.models)
    else:
        entries = [entry for entry in lake.catalog() if entry["state"] == "live"]
    for entry in entries:
        table = entry["table"]
        small.create(table.removeprefix(small.name("")), lake.schema(table))
        rows = lake.read_in(table, "chunk_id", chunks["chunk_id"].to_pylist(), lake.columns(table))
        small.merge(table, rows)
        build_text_index(small, table)
    if entries:
        write_entries(small, entries)
    return entries


def _filled(small: Lake, models: Sequence[ResolvedModel]) -> Iterator[EmbeddingCounts]:
    """The tables of candidates, each filled as a backfill does it."""
    for model in models:
        run = Run(small.corpus, small, RunReport(small.corpus.name, "backfill", "try"), datetime.now(UTC))
        counts = embed_model(run, model, iter(()))
        finish(run, [counts.table], whole=False)
        settle_fusion(run)
        yield counts


def _scaled(small: Lake, result: ArmResult, counts: EmbeddingCounts | None, whole: _Whole) -> ArmResult:
    """A result with the size, and of a candidate the time, that the whole corpus would take."""
    size = round(bytes_of_rows(small, result.arm.table) * whole.rows)
    if counts is None:
        return replace(result, version=None, bytes=size)
    rate = counts.embedded / max(counts.seconds, 1e-9)
    seconds = counts.seconds * whole.tokens
    cost = f"about {seconds:,.0f} s for the whole corpus ({rate:,.0f} texts/s here); {result.cost}"
    return replace(result, version=None, bytes=size, cost=cost)


def _tokens(chunks: pa.Table) -> int:
    return int(pc.sum(chunks["token_count"]).as_py() or 0)
