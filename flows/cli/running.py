"""The commands that run flows: `run`, `backfill`, `serve`."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Corpus, Json, Wait, quiet_libraries, share_of
from tasks.errors import EXIT_FAILURES, ConfigurationError, ModelError, ServerError

if TYPE_CHECKING:
    from tasks.progress import RunReport


def run(
    corpus_file: Corpus,
    wait: Wait = False,
    allow_shrinking: Annotated[
        bool,
        typer.Option(help="Go on where a source lists less than half of what the lake knows, or left the corpus file."),
    ] = False,
    reread: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Read these files again although nothing tells that they changed ('*': all)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Bring every table of a corpus up to its sources.

    May be broken off at any time; the same command goes on where it was.

    Example: embedlake run notes.yaml
    """
    _check(corpus_file)
    _flow(
        lambda: _ingest(str(corpus_file), wait, allow_shrinking, reread),
        json,
        shlex.join(["embedlake", "run", str(corpus_file)]),
    )


def backfill(
    corpus_file: Corpus,
    model: Annotated[
        str,
        typer.Option(help="Name of a model in the corpus file or of a table, a hub name, ./folder or package:NAME."),
    ],
    where: Annotated[
        str | None, typer.Option(help="Only chunks that fulfil this SQL condition: \"uri LIKE '%2025%'\".")
    ] = None,
    sample: Annotated[
        float,
        typer.Option(
            parser=share_of, metavar="SHARE", help="Only this share of the chunks, such as 1%; always the same ones."
        ),
    ] = "100%",  # type: ignore[assignment]
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many chunks.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what it would embed, and how long it takes.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Embed with another model what is already chunked, from the lake alone. Search goes on with the model it uses,
    until `promote`.

    It may be broken off and run again at any time, beside runs of the corpus. What --where, --sample or --limit leave
    out, a later one without them embeds.

    Example: embedlake backfill notes.yaml --model BAAI/bge-small-en-v1.5 --sample 1%
    """
    _check(corpus_file)
    if model.startswith((".", "~")):
        model = str(Path(model).expanduser().resolve())
    if plan:
        _show_backfill(corpus_file, model, where, sample, limit, json)
        return
    again = _command(corpus_file, model, where, sample, limit, wait)
    _flow(lambda: _backfill(str(corpus_file), model, wait, where=where, sample=sample, limit=limit), json, again)


def serve(
    corpus_files: Annotated[
        list[Path], typer.Argument(metavar="CORPUS.yaml...", help="Corpus files or folders of them.")
    ],
) -> None:
    """Run corpora on their schedules, and on demand from the Prefect UI, until stopped.

    Needs a Prefect server: `prefect server start`, then `export PREFECT_API_URL=http://127.0.0.1:4200/api`.

    Example: embedlake serve configs/
    """
    _check(*files_of(corpus_files))
    quiet_libraries()
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError(
            "serve needs a Prefect server, and PREFECT_API_URL is not set",
            "Start one with `prefect server start`, then export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    from flows.serve import serve_corpora

    serve_corpora(files_of(corpus_files))


def _flow(start: Callable[[], "RunReport"], json: bool, again: str) -> None:
    """Run a flow with progress, then print its report."""
    quiet_libraries()
    from httpx import TransportError

    from flows.cli.progress import progress_shown
    from flows.cli.shows import print_report
    from flows.cli.terminal import err, print_json, shown

    try:
        with progress_shown(json), redirect_stdout(sys.stderr):  # libraries print what they like
            report = start()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "TerminationSignal":
            err.print(f"[bold]stopped.[/] What was landed stays. To go on: {shown(again)}", soft_wrap=True)
            raise KeyboardInterrupt from None
        if isinstance(error, TransportError) or isinstance(error.__cause__, TransportError):
            raise ServerError(
                f"the Prefect server at {os.environ.get('PREFECT_API_URL', 'this machine')} does not answer: {error}",
                "What was landed stays. Start the server, or unset PREFECT_API_URL to do without, then run again.",
            ) from None
        raise
    if json:
        print_json(report.to_dict())
    else:
        print_report(report)
    if report.unkept:
        sys.exit(ModelError.exit_code)
    if report.failed:
        sys.exit(EXIT_FAILURES)


def _command(corpus_file: Path, model: str, where: str | None, sample: float, limit: int | None, wait: bool) -> str:
    """The command of a backfill, as a shell takes it."""
    parts = ["embedlake", "backfill", str(corpus_file), "--model", model]
    parts += ["--where", where] if where is not None else []
    parts += ["--sample", f"{sample!r}"] if sample < 1 else []
    parts += ["--limit", str(limit)] if limit is not None else []
    return shlex.join([*parts, *(["--wait"] if wait else [])])


def _ingest(corpus_file: str, wait: bool, allow_shrinking: bool, reread: list[str] | None) -> "RunReport":
    from flows.ingest import ingest

    return ingest(corpus_file, wait=wait, allow_shrinking=allow_shrinking, reread=reread)


def _backfill(corpus_file: str, model: str, wait: bool, **selection: Any) -> "RunReport":
    from flows.backfill import backfill

    report: RunReport = backfill(corpus_file, model, wait=wait, **selection)
    return report


def _show_backfill(
    corpus_file: Path, model: str, where: str | None, sample: float, limit: int | None, json: bool
) -> None:
    quiet_libraries()
    from flows.cli.terminal import print_json, print_rows
    from tasks.config.loading import load_corpus
    from tasks.embed.kept import model_to_fill
    from tasks.embed.selection import Selection
    from tasks.lake.tables import Lake
    from tasks.operate.estimate import backfill_plan
    from tasks.operate.report import model_plan_rows

    lake = Lake(load_corpus(corpus_file))
    found = backfill_plan(lake, model_to_fill(lake, model, asked=False), Selection(where, sample, limit))
    if json:
        print_json(asdict(found))
    else:
        print_rows([*model_plan_rows(found), *([] if found.texts or found.refused else [("nothing to do", "")])])


def _check(*corpus_files: Path) -> None:
    """Find what is wrong with a corpus file before Prefect starts."""
    from tasks.config.loading import load_corpus

    for corpus_file in corpus_files:
        load_corpus(corpus_file)


def files_of(paths: list[Path]) -> list[Path]:
    """Corpus files, and those in folders of them."""
    found = [file for path in paths for file in (sorted(path.glob("*.y*ml")) if path.is_dir() else [path])]
    if not found:
        raise ConfigurationError(
            f"no corpus files in {', '.join(map(str, paths))}", "Write one with: embedlake init FOLDER"
        )
    return found
