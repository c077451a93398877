"""A run: the corpus, its lake and what has been counted so far, as the stages pass it along."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tasks import ray_cluster
from tasks.config.loading import load_corpus
from tasks.config.settings import Corpus
from tasks.hashing import sealed
from tasks.lake.neighbours import others
from tasks.lake.schemas import RUNS
from tasks.lake.tables import Lake
from tasks.lake.versions import tidy, versions
from tasks.progress import RunReport


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a flow."""

    corpus: Corpus
    lake: Lake
    report: RunReport
    started: datetime


@contextmanager
def run_of(kind: str, corpus_file: str | Path) -> Iterator[Run]:
    """A run of a corpus, written to the runs table at its end if there was something to do.

    Args:
        kind: ingest or backfill.
        corpus_file: the corpus.
    """
    corpus = load_corpus(corpus_file)
    lake = Lake(corpus, create=True)
    started, clock = datetime.now(UTC), time.monotonic()
    run = Run(corpus, lake, RunReport(corpus.name, kind, uuid.uuid4().hex[:12]), started)
    before = versions(lake)
    if not lake.count(lake.name("documents")):
        run.report.others = others(lake)
    state = "running"
    try:
        yield run
        state = "completed"
    except BaseException as error:
        state = "failed" if isinstance(error, Exception) else "interrupted"
        raise
    finally:
        ray_cluster.disconnect()
        run.report.seconds = time.monotonic() - clock
        if not run.report.idle:
            row = {
                "run_id": run.report.run_id,
                "kind": kind,
                "state": state,
                "started": started,
                "ended": datetime.now(UTC),
                "host": socket.gethostname(),
                "counts": json.dumps(run.report.to_dict()),
            }
            lake.merge(lake.name("runs"), pa.Table.from_pylist([sealed(row)], schema=RUNS))
            tidy(lake, before)
