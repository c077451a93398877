"""The main flow: a corpus in, a searchable table per model out."""

from prefect import flow

from flows import artifacts, stages
from tasks.progress import RunReport
from tasks.run import run_of


@flow(name="ingest", flow_run_name=artifacts.run_name, validate_parameters=False)
def ingest(corpus_file: str) -> RunReport:
    """Bring every table of a corpus up to its sources.

    Args:
        corpus_file: the corpus's YAML file.

    Returns:
        What the run did.
    """
    with run_of("ingest", corpus_file) as run, artifacts.progress_shown():
        models = stages.resolve_models(run.corpus.models)
        listing = stages.list_documents(run)
        changes = stages.compare(run, listing)
        landed = stages.load(run, listing, changes) if changes.work else iter(())
        for model in models:
            stages.embed.with_options(task_run_name=f"embed {model.name}")(run, model, landed)
            landed = iter(())
        stages.finish(run, primary=run.lake.model_table(models[0]))
    artifacts.publish_report(run.report)
    return run.report
