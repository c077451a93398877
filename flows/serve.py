"""Deployments: every corpus with its schedule, served from this process."""

from pathlib import Path
from typing import Any

from prefect import serve
from prefect.schedules import Cron

from flows.backfill import backfill
from flows.evaluate import evaluate
from flows.ingest import ingest
from tasks.config.loading import load_corpus
from tasks.config.operating import Schedule


def serve_corpora(corpus_files: list[Path]) -> None:
    """Serve `ingest` and `evaluate` deployments for each corpus, on its schedules, and a `backfill` one on demand.

    Args:
        corpus_files: corpora; a run reads its file again.
    """
    deployments: list[Any] = []  # to_deployment is typed for async callers too
    for file in corpus_files:
        corpus = load_corpus(file)
        parameters = {"corpus_file": str(file.resolve())}
        deployments.append(ingest.to_deployment(corpus.name, parameters=parameters, schedule=_cron(corpus.schedule)))
        model = {"model": corpus.models[0].name}
        deployments.append(backfill.to_deployment(corpus.name, parameters=parameters | model))
        judged = corpus.evaluations.model_dump(include={"queries", "qrels"}) if corpus.evaluations else {}
        deployments.append(
            evaluate.to_deployment(corpus.name, parameters=parameters | judged, schedule=_cron(corpus.evaluations))
        )
    serve(*deployments)


def _cron(schedule: Schedule | None) -> Any:
    return Cron(schedule.cron, timezone=schedule.timezone) if schedule else None
