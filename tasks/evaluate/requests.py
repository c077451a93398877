"""An evaluation as a command or a flow asks for it: files and names, made into options."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.evaluate.arms import WAYS
from tasks.evaluate.candidates import SAMPLE, try_candidates
from tasks.evaluate.evaluation import Options, evaluate
from tasks.evaluate.judged import read_documents, read_ids, read_qrels, read_queries
from tasks.evaluate.known import POOL
from tasks.evaluate.landing import land
from tasks.evaluate.margin import MARGIN
from tasks.evaluate.results import Evaluation
from tasks.lake.tables import Lake
from tasks.search.retrieve import Way


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; see `embedlake evaluate --help`.

    Attributes:
        models: names; by default all that are kept up.
        queries, qrels: files; without them, known items.
        by: ways of searching.
        rerank: also with the corpus's reranker; None: where its file names one.
        sample: chunks that candidates are measured on, or among which known items are looked for; None: as many as
            suits each.
        candidates: models to try without a table.
        training: a file of documents that a model was trained on; clean: leave out the queries that they answer.
        exclude_queries: a file of ids of queries to leave out.
        margin: by which an arm may be worse and count as not worse.
    """

    models: Sequence[str] = ()
    queries: Path | None = None
    qrels: Path | None = None
    by: Sequence[Way] = WAYS
    rerank: bool | None = None
    sample: int | None = None
    candidates: Sequence[str] = ()
    training: Path | None = None
    clean: bool = False
    exclude_queries: Path | None = None
    margin: float = MARGIN


def carried_out(lake: Lake, request: Request) -> Evaluation:
    """Evaluate, and keep the result in the lake; one with candidates is not kept, as its tables are not.

    Raises:
        ConfigurationError: a file or a name is wrong, or there is nothing to compare by.
        ModelError: a model cannot be loaded.
        LakeError: a table cannot be read or written.
    """
    options = options_of(request)
    if request.candidates:
        return try_candidates(lake, options, request.candidates, request.sample or SAMPLE)
    found = evaluate(lake, options)
    land(lake, found)
    return found


def options_of(request: Request) -> Options:
    """Its files read.

    Raises:
        ConfigurationError: one is missing or wrong, or options do not go together.
    """
    if request.qrels and not request.queries:
        raise ConfigurationError("--qrels says what answers queries, but there are none", "Name them with --queries.")
    if not request.qrels and (request.training or request.exclude_queries):
        raise ConfigurationError("--training and --exclude-queries are about judged queries", "Name their --qrels.")
    if request.clean and not request.training:
        raise ConfigurationError("--clean leaves out queries by what was trained on", "Name it with --training FILE.")
    return Options(
        models=request.models, ways=request.by, rerank=request.rerank,
        queries=read_queries(request.queries) if request.queries else None,
        grades=read_qrels(request.qrels) if request.qrels else None,
        training=read_documents(request.training) if request.training else (), leave_out=request.clean,
        excluded=read_ids(request.exclude_queries) if request.exclude_queries else (),
        sample=request.sample or POOL, margin=request.margin,
    )  # fmt: skip


def ways_of(told: str) -> list[Way]:
    """Ways of searching, as `vector,text,hybrid`.

    Raises:
        ConfigurationError: one is none.
    """
    names = [name.strip() for name in told.split(",") if name.strip()]
    wrong = [name for name in names if name not in WAYS]
    if wrong or not names:
        raise ConfigurationError(
            f"there is no way of searching called {wrong[0] if wrong else told!r}", f"There are {', '.join(WAYS)}."
        )
    return [way for way in WAYS if way in names]
