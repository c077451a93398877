"""What the Prefect UI shows of a run: its name, a progress bar while it works, a report at its end."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from httpx import TransportError
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.runtime import flow_run

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError
from tasks.evaluate.report import as_markdown as evaluation_as_markdown
from tasks.evaluate.results import Evaluation
from tasks.hashing import hash_text
from tasks.operate.report import as_markdown
from tasks.progress import Progress, RunReport, dollars, subscribed

_EVERY = 3.0  # seconds between updates


def run_name() -> str:
    """The corpus, its models or the one of a backfill, and the time: `ingest docs minilm 2026-03-01 02:00`."""
    parameters: dict[str, Any] = flow_run.parameters
    try:
        corpus = load_corpus(parameters["corpus_file"])
        name, models = corpus.name, "+".join(model.name for model in corpus.models)
    except ConfigurationError:  # the run itself says what is wrong
        name, models = Path(parameters["corpus_file"]).stem, ""
    parts = [flow_run.flow_name, name, parameters.get("model", models), time.strftime("%Y-%m-%d %H:%M")]
    return " ".join(str(part) for part in parts if part)


def artifact_key(*parts: str) -> str:
    """A key as Prefect takes it, in lower-case letters, digits and dashes: `progress-docs-embed`. Names that have
    others have some of their hash, so that no two share one."""
    name = "-".join(parts)
    key = re.sub(r"[^a-z0-9-]", "-", name.lower())
    return key if key == name else f"{key}-{hash_text(name)[:6]}"


@contextmanager
def progress_shown(corpus: str) -> Iterator[None]:
    """Keep a progress artifact for each stage of a corpus that tells of progress, renewed every few seconds. A server
    that is gone does not end a run by it: the run's end will tell."""
    artifacts: dict[str, tuple[UUID, float]] = {}
    gone = False

    def show(progress: Progress) -> None:
        nonlocal gone
        if not gone:
            try:
                publish(progress)
            except TransportError:
                gone = True

    def publish(progress: Progress) -> None:
        share = 100.0 * progress.done / progress.total if progress.total else 0.0
        known = artifacts.get(progress.stage)
        if known is None:
            text = f"{progress.stage}: {progress.unit}"
            identity = create_progress_artifact(share, artifact_key("progress", corpus, progress.stage), text)
            artifacts[progress.stage] = (identity, time.monotonic())  # type: ignore[assignment]
        elif time.monotonic() - known[1] > _EVERY or progress.done == progress.total:
            paid = "" if progress.cost is None else f", {dollars(progress.cost)}"
            text = f"{progress.stage}: {progress.done:,} of {progress.total or 0:,} {progress.unit}{paid}"
            update_progress_artifact(known[0], share, description=text)
            artifacts[progress.stage] = (known[0], time.monotonic())

    with subscribed(show):
        yield


def publish_report(report: RunReport) -> None:
    """The table of counts, rates and failures."""
    create_markdown_artifact(
        as_markdown(report), key=artifact_key("report", report.corpus), description="What the run did"
    )


def publish_evaluation(evaluation: Evaluation) -> None:
    """The measures of each arm, and what they say."""
    create_markdown_artifact(
        evaluation_as_markdown(evaluation),
        key=artifact_key("evaluation", evaluation.corpus),
        description="How well each model finds what is asked for",
    )
