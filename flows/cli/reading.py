"""The commands that look at a lake and its sources: `plan`, `status`, `verify`."""

import os
import sys
from contextlib import nullcontext
from typing import Annotated

import typer

from flows.cli.options import Corpus, Json, quiet_libraries
from tasks.errors import EXIT_WRONG, SourceError

_SAMPLE = 10  # chunks that `plan --sample` shows


def plan(
    corpus_file: Corpus,
    sample: Annotated[bool, typer.Option("--sample", help="Show ten random chunks of what would be read.")] = False,
    json: Json = False,
) -> None:
    """Show what a run would do. Changes nothing.

    Ends with 4 if a run would stop, since a source lists much less than the lake knows of it.

    Example: embedlake plan notes.yaml --sample
    """
    from flows.cli.progress import progress_shown
    from flows.cli.shows import print_chunks
    from flows.cli.terminal import err, print_json, print_rows
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake
    from tasks.operate.plan import plan_of
    from tasks.operate.report import plan_rows

    corpus = load_corpus(corpus_file)
    with progress_shown(json), err.status("comparing and reading") if err.is_terminal and not json else nullcontext():
        found = plan_of(corpus, Lake(corpus, may_be_empty=True), sample=_SAMPLE if sample else 0)
    if json:
        print_json(found.to_dict())
    else:
        print_rows(plan_rows(found))
        print_chunks(found.sample)
    if found.refused:
        sys.exit(SourceError.exit_code)


def status(corpus_file: Corpus, json: Json = False) -> None:
    """Show tables, models, pending work, failures, the last runs, and who writes now or was killed doing so.

    Example: embedlake status notes.yaml
    """
    from flows.cli.shows import print_status
    from flows.cli.terminal import print_json
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake
    from tasks.operate.status import status_of

    found = status_of(Lake(load_corpus(corpus_file)))
    if json:
        print_json(found)
    else:
        print_status(found)


def verify(
    corpus_file: Corpus,
    sample: Annotated[int, typer.Option(min=0, help="Chunks of each table to read and embed again and compare.")] = 20,
    repair: Annotated[bool, typer.Option(help="Remove what is wrong; the next run writes it again.")] = False,
    contents: Annotated[
        bool, typer.Option(help="Read every file and compare it with what was read, whatever time and size say.")
    ] = False,
    json: Json = False,
) -> None:
    """Audit a lake from its data alone: missing, double and orphaned rows, bad vectors, offsets, provenance.

    Ends with 8 if something is wrong and was not repaired.

    Example: embedlake verify notes.yaml --repair
    """
    quiet_libraries()
    from flows.cli.shows import print_findings
    from flows.cli.terminal import print_json
    from tasks.config.loading import load_corpus
    from tasks.lake.lease import writing
    from tasks.lake.tables import Lake
    from tasks.operate.verify import verify as verify_lake

    lake = Lake(load_corpus(corpus_file))
    scopes = ["documents", "catalog", *lake.model_tables()] if repair else []
    with writing(lake, scopes, f"verify-{os.getpid()}", wait=False) if repair else nullcontext():
        found = verify_lake(lake, sample, repair, contents)
    if json:
        print_json([finding.to_dict() for finding in found])
    else:
        print_findings(found, f"embedlake run {corpus_file}")
    if not all(finding.repaired for finding in found):
        sys.exit(EXIT_WRONG)
