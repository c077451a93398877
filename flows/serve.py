"""Deployments: every corpus with its schedule, served from this process."""

from pathlib import Path
from typing import Any

from prefect import serve
from prefect.schedules import Cron

from flows.backfill import backfill
from flows.evaluate import evaluate
from flows.ingest import ingest
from tasks.config.loading import load_corpus


def serve_corpora(corpus_files: list[Path]) -> None:
    """Serve an `ingest` deployment for each corpus, on its schedule, and `backfill` and `evaluate` ones on
    demand.

    Args:
        corpus_files: corpora; a run reads its file again.
    """
    deployments: list[Any] = []  # to_deployment is typed for async callers too
    for file in corpus_files:
        corpus = load_corpus(file)
        parameters = {"corpus_file": str(file.resolve())}
        schedule = Cron(corpus.schedule.cron, timezone=corpus.schedule.timezone) if corpus.schedule else None
        deployments.append(ingest.to_deployment(corpus.name, parameters=parameters, schedule=schedule))
        model = {"model": corpus.models[0].name}
        deployments.append(backfill.to_deployment(corpus.name, parameters=parameters | model))
        deployments.append(evaluate.to_deployment(corpus.name, parameters=parameters))
    serve(*deployments)
