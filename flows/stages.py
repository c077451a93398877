"""The stages of the flows, as Prefect tasks.

Each one works from the state of the lake, so Prefect may run it again after a failure: it goes on where the
lake says. What fails for lasting reasons (a wrong file, a missing model) is not tried again.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from tasks.embed import update as vectors
from tasks.embed.kept import Kept, kept_models, model_to_fill, unkept_for
from tasks.embed.selection import EVERYTHING, Selection
from tasks.errors import BudgetSpent, LakeError, MissingSource, ModelError, ShrunkSource, SourceError
from tasks.ingest import update as documents
from tasks.ingest.compare import Changes
from tasks.lake.run import Run
from tasks.models.resolved import ResolvedModel
from tasks.operate.hints import media_hints
from tasks.operate.promote import named_tables, notes_on, promote_by_itself
from tasks.operate.retire import retire_due
from tasks.progress import EmbeddingCounts
from tasks.search.settle import settle_fusion
from tasks.sources.listing import Listing

P = ParamSpec("P")
R = TypeVar("R")


def _may_pass(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether a stage failed for a reason that may pass: a store that did not answer."""
    try:
        state.result()
    except BaseException as error:
        return isinstance(error, SourceError | LakeError) and not isinstance(error, MissingSource | ShrunkSource)
    return False


def _store_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that talks to a store, and is tried again where that may help."""
    return task(name=name, cache_policy=NO_CACHE, retries=2, retry_delay_seconds=[5, 30], retry_condition_fn=_may_pass)


@task(name="resolve models", cache_policy=NO_CACHE)
def resolve_models(run: Run) -> Kept:
    """Find the files of every model whose table is kept up, before anything is read."""
    kept = kept_models(run.lake)
    run.report.unkept = kept.unkept
    return kept


@task(name="resolve model", cache_policy=NO_CACHE)
def resolve_one(run: Run, model: str) -> ResolvedModel:
    """Find the files of the model that a backfill is of."""
    return model_to_fill(run.lake, model)


@_store_task("list sources")
def list_documents(run: Run) -> Listing:
    """What the sources hold."""
    return documents.list_documents(run)


@_store_task("compare with lake")
def compare(run: Run, listing: Listing, allow_shrinking: bool, reread: list[str]) -> Changes:
    """How the sources differ from the lake."""
    changes = documents.compare_with_lake(run.corpus, run.lake, listing, allow_shrinking, reread)
    run.report.documents.unchanged = changes.unchanged
    return changes


@_store_task("look for work")
def nothing_to_do(run: Run, changes: Changes, kept: Kept) -> bool:
    """Whether every table is up to its sources already; then nothing is written."""
    return documents.up_to_date(run.lake, changes) and vectors.up_to_date(run, kept)


@_store_task("make tables ready")
def make_ready(run: Run) -> None:
    """Columns of metadata fields come and go; the tokenizer that counts is noted."""
    documents.make_ready(run)


@task(name="load and chunk", cache_policy=NO_CACHE)
def load(run: Run, listing: Listing, changes: Changes, allow_shrinking: bool) -> Generator[pa.Table]:
    """Read, extract, deduplicate, chunk and land; gives the chunks while it goes on."""
    yield from documents.land_documents(run, listing, changes, allow_shrinking)


@task(name="embed", cache_policy=NO_CACHE)
def embed(
    run: Run, model: ResolvedModel, landed: Iterator[pa.Table], selection: Selection = EVERYTHING
) -> EmbeddingCounts:
    """Bring a model's table up to the chunks, those that are landed meanwhile included; or up to some of them."""
    return vectors.embed_model(run, model, landed, selection)


def embed_kept(run: Run, model: ResolvedModel, landed: Iterator[pa.Table], named: list[str]) -> None:
    """Bring up a table that is kept up. Should it be the live one, of a model that the corpus file does not name, and
    fail, as where its service has it no more, others must be filled all the same, to take its place."""
    table = run.lake.model_table(model)
    try:
        embed.with_options(task_run_name=f"embed {model.name}")(run, model, landed)
    except ModelError as error:
        if table in named or isinstance(error, BudgetSpent):
            raise
        run.report.unkept = unkept_for(table, error)
        run.report.unkept_cost = sum(counts.cost or 0.0 for counts in run.report.models if counts.table == table)
        run.report.models = [counts for counts in run.report.models if counts.table != table]


@_store_task("index and finish")
def finish(run: Run, named: list[str], whole: bool) -> None:
    """Clean the other tables, index vectors and text, and say in the catalog which are complete and how to search."""
    vectors.finish(run, named, whole)
    settle_fusion(run)


@_store_task("switch and retire")
def switch_and_retire(run: Run, kept: Kept) -> None:
    """Make the first model live where the corpus file says so and nothing speaks against it; remove tables that are
    due; note what stands between the models and being live, and what else the corpus file could ask for."""
    promote_by_itself(run, kept.named)
    run.report.retired = retire_due(run.lake, run.report.run_id)
    run.report.notes = [*run.report.notes, *notes_on(run.lake.corpus, run.lake.catalog(), kept.named)]
    run.report.hints = media_hints(run.corpus, run.report.documents.skipped, kept.models)


@_store_task("note models")
def note_models(run: Run, table: str) -> None:
    """Note what stands between a model that was filled and being live."""
    corpus, entries = run.lake.corpus, run.lake.catalog()
    run.report.notes = [*run.report.notes, *notes_on(corpus, entries, [table, *named_tables(corpus, entries)])]
