"""The main flow: a corpus in, a searchable table per model out."""

from contextlib import closing

from prefect import flow

from flows import artifacts, stages
from tasks.lease import writing
from tasks.progress import RunReport
from tasks.run import run_of


@flow(name="ingest", flow_run_name=artifacts.run_name, validate_parameters=False)
def ingest(corpus_file: str, wait: bool = False, allow_shrinking: bool = False) -> RunReport:
    """Bring every table of a corpus up to its sources.

    Args:
        corpus_file: the corpus's YAML file.
        wait: for another run of the corpus to end, instead of leaving.
        allow_shrinking: go on where a source lists less than half of what the lake knows.

    Returns:
        What the run did.
    """
    with run_of("ingest", corpus_file) as run, artifacts.progress_shown():
        models = stages.resolve_models(run.corpus.models)
        tables = [run.lake.model_table(model) for model in models]
        listing = stages.list_documents(run)
        changes = stages.compare(run, listing, allow_shrinking)
        if not stages.nothing_to_do(run, changes, tables):
            with writing(run.lake, ["documents", *tables], run.report.run_id, wait):
                changes = stages.compare(run, listing, allow_shrinking)  # another run may have written meanwhile
                with closing(stages.load(run, listing, changes, allow_shrinking)) as landed:
                    for model in models:  # the first takes what is landed as it comes; the others find it in the lake
                        stages.embed.with_options(task_run_name=f"embed {model.name}")(run, model, landed)
                stages.finish(run, primary=tables[0])
    artifacts.publish_report(run.report)
    return run.report
