"""The commands that look at a lake and its sources: `plan`, `search`, `similar`, `status`, `verify`."""

import os
import sys
from contextlib import nullcontext
from typing import Annotated, Literal

import typer

from flows.cli.options import Corpus, Json, quiet_libraries
from tasks.errors import EXIT_WRONG, SourceError

Way = Literal["vector", "text", "hybrid"]

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


def search(
    corpus_file: Corpus,
    query: Annotated[str, typer.Argument(help="A question or a few words.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most passages.")] = 5,
    where: Annotated[
        str | None, typer.Option(help="SQL over the columns: \"uri LIKE '%.md' AND year >= 2020\"")
    ] = None,
    by: Annotated[
        Way | None,
        typer.Option(
            help="By meaning (vector), by words (text), or by both (hybrid, the default unless the corpus file says"
            " otherwise)."
        ),
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of meaning against words when searching by both: 1 is meaning alone."),
    ] = None,
    offset: Annotated[int, typer.Option(min=0, help="Passages to skip, to see those after them.")] = 0,
    per_document: Annotated[int | None, typer.Option(min=1, help="Most passages of one document.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Leave out passages with a lower score.")] = None,
    rerank: Annotated[
        bool | None,
        typer.Option(help="By the reranker that the corpus file names; the default where it names one."),
    ] = None,
    context: Annotated[
        int, typer.Option(min=0, max=20, help="Show so many chunks before and behind each passage too.")
    ] = 0,
    explain: Annotated[bool, typer.Option(help="Show how each list has a passage, and what made its score.")] = False,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find passages by meaning, by words, or by both.

    Names and numbers are found by words, what is said otherwise by meaning; by default both are looked for, and each
    list counts as much as suits the corpus.

    Example: embedlake search notes.yaml "what did we decide about backups" -n 3
    """
    quiet_libraries()
    from flows.cli.shows import print_passages
    from flows.cli.terminal import err, print_json, shown
    from tasks.config.loading import redact
    from tasks.search.query import open_lake

    passages = open_lake(corpus_file).search(
        query, model=model, limit=limit, where=where, by=by, weight=weight, offset=offset, per_document=per_document,
        min_score=min_score, context=context, rerank=rerank,
    )  # fmt: skip
    if passages.note:
        err.print(shown(redact(passages.note)), soft_wrap=True)
    if json:
        print_json([passage.to_dict() for passage in passages])
    else:
        print_passages(passages, explain)


def similar(
    corpus_file: Corpus,
    identity: Annotated[str, typer.Argument(metavar="ID", help="A document id or a chunk id, as a search shows it.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most passages.")] = 5,
    where: Annotated[str | None, typer.Option(help="SQL over the columns, as for `search`.")] = None,
    per_document: Annotated[int, typer.Option(min=1, help="Most passages of one document.")] = 1,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find passages of other documents that are like a document or a chunk.

    Example: embedlake similar notes.yaml notes:2025/backups.md
    """
    quiet_libraries()
    from flows.cli.shows import print_passages
    from flows.cli.terminal import print_json
    from tasks.search.query import open_lake

    passages = open_lake(corpus_file).similar(
        identity, model=model, limit=limit, where=where, per_document=per_document
    )
    if json:
        print_json([passage.to_dict() for passage in passages])
    else:
        print_passages(passages)


def status(corpus_file: Corpus, json: Json = False) -> None:
    """Show tables, models, pending work, failures and the last runs.

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
