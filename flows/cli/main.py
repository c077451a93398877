"""The command `embedlake`. What is heavy is imported by the command that needs it."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from flows.cli.begin import begin
from flows.cli.bench import bench
from flows.cli.drop import drop
from flows.cli.failures import failures_app
from flows.cli.options import MODEL, Corpus, Json, Wait
from tasks.errors import (
    EXIT_FAILURES,
    EXIT_INTERRUPTED,
    EXIT_UNEXPECTED,
    EXIT_WRONG,
    ConfigurationError,
    EmbedlakeError,
    ServerError,
)

if TYPE_CHECKING:
    from tasks.progress import RunReport

app = typer.Typer(
    rich_markup_mode="markdown", pretty_exceptions_enable=False,
    help="""Embed a large corpus and keep it embedded.

A corpus is one YAML file. `embedlake init FOLDER` writes one, `embedlake run CORPUS.yaml` brings its tables up to
its sources (again and again: only what changed is embedded), `embedlake search CORPUS.yaml "a question"` finds
passages by meaning.

Exit codes: 0 done; 1 unexpected error; 2 wrong corpus file or command line; 3 done, but documents or chunks were set
aside in this run; 4 a source cannot be listed; 5 the lake cannot be reached; 6 a model cannot be loaded;
7 another run is writing; 8 verify found something wrong; 9 the Prefect server or the Ray cluster does not answer;
130 interrupted.""",
)  # fmt: skip

app.callback(invoke_without_command=True)(begin)
app.add_typer(failures_app, name="failures")
app.command()(bench)
app.command()(drop)


@app.command()
def init(
    uri: Annotated[
        str, typer.Argument(metavar="FOLDER|URI", help="What to embed: a folder, a file, s3://bucket/folder.")
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here; NAME.yaml by default.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the corpus; from the address by default.")] = None,
    model: Annotated[str, typer.Option(help="Hub name, ./folder or package:NAME.")] = MODEL,
    force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented corpus file for a folder or address.

    Example: embedlake init ~/notes
    """
    from flows.cli.terminal import out, shown
    from tasks.config.loading import load_corpus, schema
    from tasks.operate.initial import initial_corpus

    folder = output.parent if output else Path(".")
    found, text = initial_corpus(uri, folder, name, model)
    target = output or Path(f"{found}.yaml")
    if target.exists() and not force:
        raise ConfigurationError(f"{target} is there already", "Give another --output, or --force to overwrite it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    (target.parent / "corpus.schema.json").write_text(schema(), encoding="utf-8")
    load_corpus(target)
    out.print(f"Wrote {shown(str(target))} (and corpus.schema.json, so that editors complete and check it).")
    out.print(f"Look it over, then: embedlake plan {shown(str(target))}")


@app.command()
def plan(corpus_file: Corpus, json: Json = False) -> None:
    """Show what a run would do. Changes nothing.

    Example: embedlake plan notes.yaml
    """
    from flows.cli.terminal import err, print_json, print_rows, progress_shown
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake
    from tasks.operate.plan import plan_of
    from tasks.operate.report import plan_rows

    corpus = load_corpus(corpus_file)
    with progress_shown(json), err.status("comparing and reading") if err.is_terminal and not json else nullcontext():
        found = plan_of(corpus, Lake(corpus, may_be_empty=True))
    if json:
        print_json(found.to_dict())
    else:
        print_rows(plan_rows(found))


@app.command()
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
    _flow(lambda: _ingest(str(corpus_file), wait, allow_shrinking, reread), json, f"embedlake run {corpus_file}")


@app.command()
def backfill(
    corpus_file: Corpus,
    model: Annotated[
        str, typer.Option(help="Name of a model in the corpus file, or a hub name, ./folder or package:NAME.")
    ],
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Embed with another model what is already chunked. Search goes on with the model it uses.

    Example: embedlake backfill notes.yaml --model BAAI/bge-small-en-v1.5
    """
    _check(corpus_file)
    if model.startswith((".", "~")):
        model = str(Path(model).expanduser().resolve())
    _flow(lambda: _backfill(str(corpus_file), model, wait), json, f"embedlake backfill {corpus_file} --model {model}")


@app.command()
def search(
    corpus_file: Corpus,
    query: Annotated[str, typer.Argument(help="A question or a few words.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most passages.")] = 5,
    where: Annotated[
        str | None, typer.Option(help="SQL over the columns: \"uri LIKE '%.md' AND year >= 2020\"")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find passages by meaning.

    Example: embedlake search notes.yaml "what did we decide about backups" -n 3
    """
    _quiet_libraries()
    from flows.cli.terminal import print_json, print_passages
    from tasks.search.query import open_lake

    passages = open_lake(corpus_file).search(query, model=model, limit=limit, where=where)
    if json:
        print_json([passage.to_dict() for passage in passages])
    else:
        print_passages(passages)


@app.command()
def status(corpus_file: Corpus, json: Json = False) -> None:
    """Show tables, models, pending work, failures and the last runs.

    Example: embedlake status notes.yaml
    """
    from flows.cli.terminal import print_json, print_status
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake
    from tasks.operate.status import status_of

    found = status_of(Lake(load_corpus(corpus_file)))
    if json:
        print_json(found)
    else:
        print_status(found)


@app.command()
def verify(
    corpus_file: Corpus,
    sample: Annotated[int, typer.Option(min=0, help="Chunks of each table to read and embed again and compare.")] = 20,
    repair: Annotated[bool, typer.Option(help="Remove what is wrong; the next run writes it anew.")] = False,
    contents: Annotated[
        bool, typer.Option(help="Read every file and compare it with what was read, whatever time and size say.")
    ] = False,
    json: Json = False,
) -> None:
    """Audit a lake from its data alone: missing, double and orphaned rows, bad vectors, offsets, provenance.

    Ends with 8 if something is wrong and was not mended.

    Example: embedlake verify notes.yaml --repair
    """
    _quiet_libraries()
    from flows.cli.terminal import print_findings, print_json
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
    if not all(finding.mended for finding in found):
        sys.exit(EXIT_WRONG)


@app.command()
def serve(
    corpus_files: Annotated[
        list[Path], typer.Argument(metavar="CORPUS.yaml...", help="Corpus files or folders of them.")
    ],
) -> None:
    """Run corpora on their schedules, and on demand from the Prefect UI, until stopped.

    Needs a Prefect server: `prefect server start`, then `export PREFECT_API_URL=http://127.0.0.1:4200/api`.

    Example: embedlake serve configs/
    """
    _check(*_corpus_files(corpus_files))
    _quiet_libraries()
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError(
            "serve needs a Prefect server, and PREFECT_API_URL is not set",
            "Start one with `prefect server start`, then export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    from flows.serve import serve_corpora

    serve_corpora(_corpus_files(corpus_files))


@app.command()
def schema() -> None:
    """Print the JSON Schema of corpus files, for editors."""
    from tasks.config.loading import schema as schema_text

    sys.stdout.write(schema_text())


def main() -> NoReturn:
    """The command line: every error that has a message ends with it and its exit code, none with a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    as_json = "--json" in sys.argv
    try:
        app()
    except EmbedlakeError as error:
        from flows.cli.terminal import print_error

        print_error(error, as_json)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        os._exit(0)
    except Exception as error:
        if os.environ.get("EMBEDLAKE_DEBUG"):
            raise
        from flows.cli.terminal import print_error

        where = "Run it again with EMBEDLAKE_DEBUG=1 to see where; nothing that was landed is lost."
        print_error(EmbedlakeError(f"unexpected {type(error).__name__}: {error}", where), as_json)
        sys.exit(EXIT_UNEXPECTED)
    sys.exit(0)


def _flow(start: Callable[[], "RunReport"], json: bool, again: str) -> None:
    """Run a flow with progress, then print its report."""
    _quiet_libraries()
    from httpx import TransportError

    from flows.cli.terminal import err, print_json, print_report, progress_shown, shown

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
    if report.failed:
        sys.exit(EXIT_FAILURES)


def _ingest(corpus_file: str, wait: bool, allow_shrinking: bool, reread: list[str] | None) -> "RunReport":
    from flows.ingest import ingest

    return ingest(corpus_file, wait=wait, allow_shrinking=allow_shrinking, reread=reread)


def _backfill(corpus_file: str, model: str, wait: bool) -> "RunReport":
    from flows.backfill import backfill

    return backfill(corpus_file, model, wait=wait)


def _check(*corpus_files: Path) -> None:
    """Find what is wrong with a corpus file before Prefect starts."""
    from tasks.config.loading import load_corpus

    for corpus_file in corpus_files:
        load_corpus(corpus_file)


def _corpus_files(paths: list[Path]) -> list[Path]:
    found = [file for path in paths for file in (sorted(path.glob("*.y*ml")) if path.is_dir() else [path])]
    if not found:
        raise ConfigurationError(
            f"no corpus files in {', '.join(map(str, paths))}", "Write one with: embedlake init FOLDER"
        )
    return found


def _quiet_libraries() -> None:
    """Keep Prefect's own lines off the terminal (they go to its server) and every library from calling home."""
    for name, value in {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "embedlake",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }.items():
        os.environ.setdefault(name, value)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
