"""The commands `embedlake failures …`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Corpus, Json

if TYPE_CHECKING:
    from tasks.lake.tables import Lake

failures_app = typer.Typer(no_args_is_help=True, help="Look at what failed, and decide what becomes of it.")
Names = Annotated[list[str] | None, typer.Argument(metavar="[DOCUMENT|ID]...", help="Which ones; all by default.")]


@failures_app.command("list")
def failures_list(
    corpus_file: Corpus,
    ignored: Annotated[bool, typer.Option("--ignored", help="Also those that were chosen to be ignored.")] = False,
    json: Json = False,
) -> None:
    """List what failed, the latest first.

    Example: embedlake failures list notes.yaml
    """
    from flows.cli.shows import print_failures
    from flows.cli.terminal import print_json
    from tasks.lake.failures import list_failures
    from tasks.operate.status import plain

    rows = [plain(row) for row in list_failures(_open(corpus_file), ignored)]
    if json:
        print_json(rows)
    else:
        print_failures(rows)


@failures_app.command("show")
def failures_show(corpus_file: Corpus, names: Names = None, json: Json = False) -> None:
    """Show all that is known of failures.

    Example: embedlake failures show notes.yaml notes:broken.pdf
    """
    from flows.cli.terminal import out, print_json, print_rows
    from tasks.lake.failures import choose_failures
    from tasks.operate.status import plain

    rows = [plain(row) for row in choose_failures(_open(corpus_file), names or [])]
    if json:
        print_json(rows)
        return
    for row in rows:
        print_rows([(name, str(value)) for name, value in row.items() if value not in (None, "")])
        out.print()


@failures_app.command("retry")
def failures_retry(corpus_file: Corpus, names: Names = None) -> None:
    """Have the next run try again what failed.

    Example: embedlake failures retry notes.yaml notes:broken.pdf
    """
    from tasks.lake.failures import retry_failures

    count = _change_failures(corpus_file, names, retry_failures)
    typer.echo(f"{count} to be tried again by: embedlake run {corpus_file}")


@failures_app.command("ignore")
def failures_ignore(corpus_file: Corpus, names: Names = None) -> None:
    """List failures no longer, until they happen again.

    Example: embedlake failures ignore notes.yaml notes:broken.pdf
    """
    from tasks.lake.failures import ignore_failures

    typer.echo(f"{_change_failures(corpus_file, names, ignore_failures)} ignored.")


def _open(corpus_file: Path) -> "Lake":
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake

    return Lake(load_corpus(corpus_file))


def _change_failures(
    corpus_file: Path, names: list[str] | None, change: Callable[["Lake", list[dict[str, Any]]], None]
) -> int:
    from tasks.lake.failures import choose_failures
    from tasks.lake.lease import writing

    lake = _open(corpus_file)
    chosen = choose_failures(lake, names or [])
    with writing(lake, ["documents"], f"failures-{os.getpid()}", wait=False):
        change(lake, chosen)
    return len(chosen)
