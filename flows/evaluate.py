"""The flow that compares models: on a schedule, or from the Prefect UI."""

from pathlib import Path

from prefect import flow

from flows import artifacts
from tasks.config.loading import load_corpus
from tasks.evaluate.margin import MARGIN
from tasks.evaluate.report import write
from tasks.evaluate.requests import Request, carried_out, ways_of
from tasks.lake.tables import Lake


@flow(name="evaluate", flow_run_name=artifacts.run_name, validate_parameters=False)
def evaluate(
    corpus_file: str,
    models: list[str] | None = None,
    queries: str | None = None,
    qrels: str | None = None,
    by: str = "vector,text,hybrid",
    rerank: bool | None = None,
    training: str | None = None,
    clean: bool = False,
    margin: float = MARGIN,
    report: str | None = None,
) -> str:
    """Compare models of a corpus, keep what was found in the lake, and show it as an artifact.

    Args:
        corpus_file: the corpus's YAML file.
        models: names, the reference first; by default all that are kept up, the live one first.
        queries: a file of queries; without one, known items of the corpus.
        qrels: a file of judgments of these.
        by: ways of searching, such as `vector,hybrid`.
        rerank: also with the corpus's reranker; by default where its file names one.
        training: a file of documents that a model was trained on, by id or as judgments.
        clean: leave out the queries that these answer.
        margin: a model worse by less than this in nDCG@10 counts as not worse.
        report: a folder for evaluation.html and evaluation.md.

    Returns:
        The evaluation's id in the lake.
    """
    corpus = load_corpus(corpus_file)
    asked, judged, trained = (Path(file) if file else None for file in (queries, qrels, training))
    request = Request(
        models or [], asked, judged, ways_of(by), rerank, training=trained, clean=clean, margin=margin
    )  # fmt: skip
    with artifacts.progress_shown(corpus.name):
        found = carried_out(Lake(corpus), request)
    artifacts.publish_evaluation(found)
    if report:
        write(found, Path(report))
    return found.identity
