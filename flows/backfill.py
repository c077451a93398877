"""The flow that embeds with another model what is already chunked."""

from prefect import flow

from flows import artifacts, stages
from tasks.embed.selection import Selection
from tasks.lake.lease import writing
from tasks.lake.run import run_of
from tasks.progress import RunReport


@flow(name="backfill", flow_run_name=artifacts.run_name, validate_parameters=False)
def backfill(
    corpus_file: str,
    model: str,
    wait: bool = False,
    where: str | None = None,
    sample: float = 1.0,
    limit: int | None = None,
) -> RunReport:
    """Fill the table of a model from the chunks in the lake; the sources are not touched. Search goes on with the model
    it uses, until `embedlake promote`. A later run, or a backfill without a selection, embeds the rest.

    Args:
        corpus_file: the corpus's YAML file.
        model: the name of a model in that file, a reference as `model` takes it there, or the full name of a table,
            to bring that one up with the model and settings that filled it.
        wait: for another run that fills the same table to end, instead of leaving.
        where: embed only chunks that fulfil this SQL condition over their columns.
        sample: embed only this share of the chunks, above 0 to 1; each time and for each model the same ones.
        limit: embed at most this many chunks.

    Returns:
        What the run did.
    """
    selection = Selection(where, sample, limit)
    with run_of("backfill", corpus_file) as run, artifacts.progress_shown(run.corpus.name):
        resolved = stages.resolve_one(run, model)
        table = run.lake.model_table(resolved)
        with writing(run.lake, [table], run.report.run_id, wait):
            stages.embed.with_options(task_run_name=f"embed {resolved.name}")(run, resolved, iter(()), selection)
            stages.finish(run, [table], whole=False)
        stages.note_models(run, table)
    artifacts.publish_report(run.report)
    return run.report
