"""The flow that embeds with another model what is already chunked."""

from prefect import flow

from flows import artifacts, stages
from tasks.config.models import Model
from tasks.lake.lease import writing
from tasks.lake.run import run_of
from tasks.progress import RunReport


@flow(name="backfill", flow_run_name=artifacts.run_name, validate_parameters=False)
def backfill(corpus_file: str, model: str, wait: bool = False) -> RunReport:
    """Fill the table of a model from the chunks in the lake. Search goes on with the model it uses,
    until `embedlake promote`.

    Args:
        corpus_file: the corpus's YAML file.
        model: the name of a model in that file, or a reference as `model` takes it there.
        wait: for another run that fills the same table to end, instead of leaving.

    Returns:
        What the run did.
    """
    with run_of("backfill", corpus_file) as run, artifacts.progress_shown(run.corpus.name):
        settings = next((m for m in run.corpus.models if model in (m.name, m.model)), None)
        resolved = stages.resolve_one(settings or Model.model_validate(model))
        table = run.lake.model_table(resolved)
        with writing(run.lake, [table], run.report.run_id, wait):
            stages.embed.with_options(task_run_name=f"embed {resolved.name}")(run, resolved, iter(()))
            stages.finish(run, [table], whole=False)
        stages.note_models(run, table)
    artifacts.publish_report(run.report)
    return run.report
