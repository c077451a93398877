"""Models of services: seen to be those that filled their tables, and asked for no more than the budget allows."""

import pyarrow as pa

from tasks.embed.api_pool import ApiPool, forget_paid, paid_folder
from tasks.embed.in_batches import InBatches
from tasks.embed.pending import pending_chunks
from tasks.embed.pools import Pool
from tasks.embed.wider import Wider
from tasks.errors import ModelError
from tasks.lake.catalog import change_catalog, entry_of, open_model, taken_into
from tasks.lake.jobs import are_open
from tasks.lake.run import Run
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.api import fingerprint
from tasks.models.api.bill import Bill
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.paid import Paid
from tasks.models.api.providers import batch_api_of, in_batches, price_of
from tasks.models.interface import TEXT, Vectors
from tasks.models.resolved import ResolvedModel
from tasks.progress import EmbeddingCounts, publish


def start_service(run: Run, model: ResolvedModel, encoder: ApiEncoder) -> Pool:
    """A service's model, asked by requests.

    Raises:
        ModelError: it is not the one that filled the table; or the service has nothing to say.
    """
    pool = ApiPool(encoder, _paid_for(run.lake, run.lake.model_table(model)), _budget_left(run))
    _same_model(run, model, encoder, encoder.probe())
    return pool


def by_batches(
    run: Run, model: ResolvedModel, chosen: pa.ChunkedArray | None, wider: list[Wider], counts: EmbeddingCounts
) -> pa.ChunkedArray:
    """Land what batches answered, and put what is pending into batches, where the model is asked so; gives the versions
    of the chunks that are left to requests: images, or all.

    Raises:
        ModelError: the provider fails, or another model answers under the name of this one.
    """
    lake, table, settings = run.lake, run.lake.model_table(model), model.settings
    images = taken_into(lake, model) - TEXT
    if not are_open(lake, table) and not len(pending_chunks(lake, table, settings, TEXT, chosen)):
        return pending_chunks(lake, table, settings, images, chosen).versions
    encoder = choose.load_encoder(model)
    if not isinstance(encoder, ApiEncoder):
        raise ModelError(f"batches of {settings.model!r} are under way, and it is not a service's model any more")
    encoder.paid = _paid_for(lake, table)
    price = price_of(settings)
    api = batch_api_of(model)
    bill = Bill(None if price is None else price * api.batch.share)
    bill.limit(_budget_left(run))
    batches = InBatches(
        lake, table, settings, encoder, api, bill,
        lambda vectors: _same_model(run, model, encoder, vectors), publish, counts, chosen, wider,
    )  # fmt: skip
    batches.run(submit=in_batches(settings))
    if in_batches(settings):
        return pending_chunks(lake, table, settings, images, chosen).versions
    return batches.not_under_way()


def _paid_for(lake: Lake, table: str) -> Paid:
    """The answers that wait for a table. Where none is known by its fingerprint, they were for one that is gone, and
    perhaps of another model behind the same name: they are forgotten."""
    entry = entry_of(lake, table)
    if entry is None or not entry.get("fingerprint"):
        forget_paid(lake, table)
    return Paid(paid_folder(lake, table))


def _budget_left(run: Run) -> float | None:
    """USD that the run may still pay; None for any sum."""
    if run.corpus.budget is None:
        return None
    return run.corpus.budget - run.report.unkept_cost - sum(counts.cost or 0.0 for counts in run.report.models)


def _same_model(run: Run, model: ResolvedModel, encoder: ApiEncoder, vectors: Vectors) -> None:
    """Make a service's model its table, or see by vectors of the probes that it is the one that filled it.

    Raises:
        ModelError: it is not.
    """
    lake, table = run.lake, run.lake.model_table(model)
    open_model(lake, model, encoder.dimension, encoder.max_cost)
    entry = entry_of(lake, table)
    told = entry.get("fingerprint") if entry else None
    if told:
        fingerprint.check(told, vectors, model.settings.model, table)
    else:
        change_catalog(lake, run.report.run_id, lambda _: {table: {"fingerprint": fingerprint.fingerprint(vectors)}})
