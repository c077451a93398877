"""The main flow: a corpus in, a searchable table per model out."""

from contextlib import closing

from prefect import flow

from flows import artifacts, stages
from tasks.lake.lease import lease_epochs, writing
from tasks.lake.run import run_of
from tasks.progress import RunReport


@flow(name="ingest", flow_run_name=artifacts.run_name, validate_parameters=False)
def ingest(
    corpus_file: str, wait: bool = False, allow_shrinking: bool = False, reread: list[str] | None = None
) -> RunReport:
    """Bring every table of a corpus up to its sources.

    Args:
        corpus_file: the corpus's YAML file.
        wait: for another run of the corpus to end, instead of leaving.
        allow_shrinking: go on where a source lists less than half of what the lake knows, or is gone from the file.
        reread: patterns, as in .gitignore, of files to read although nothing tells that they changed; `*` for all.

    Returns:
        What the run did.
    """
    with run_of("ingest", corpus_file) as run, artifacts.progress_shown(run.corpus.name):
        kept = stages.resolve_models(run)
        tables = [run.lake.model_table(model) for model in kept.models]
        before = lease_epochs(run.lake)
        listing = stages.list_documents(run)
        changes = stages.compare(run, listing, allow_shrinking, reread or [])
        if not stages.nothing_to_do(run, changes, kept):
            with writing(run.lake, ["documents", *tables], run.report.run_id, wait, since=before) as held:
                if held.overtaken:  # what another run landed meanwhile may be newer than the listing
                    listing = stages.list_documents(run)
                changes = stages.compare(run, listing, allow_shrinking, reread or [])
                stages.make_ready(run)
                with closing(stages.load(run, listing, changes, allow_shrinking)) as landed:
                    for model in kept.models:  # the first takes what is landed as it comes; the others find it there
                        stages.embed_kept(run, model, landed, kept.named)
                stages.finish(run, kept.named, whole=True)
        stages.switch_and_retire(run, kept)
    artifacts.publish_report(run.report)
    return run.report
