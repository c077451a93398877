"""The command `embedlake`. What is heavy is imported by the command that needs it."""

import os
import signal
import sys
from typing import NoReturn

import typer

from flows.cli.asking import ask
from flows.cli.begin import begin
from flows.cli.bench import bench
from flows.cli.drop import drop
from flows.cli.explore import explore
from flows.cli.failures import failures_app
from flows.cli.files import init, inspect, schema
from flows.cli.judging import evaluate, judge
from flows.cli.models import models, promote, retire, rollback
from flows.cli.reading import plan, status, verify
from flows.cli.running import backfill, run, serve
from flows.cli.searching import search, similar
from flows.cli.serving import mcp, serve_search
from tasks.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, EmbedlakeError

app = typer.Typer(
    rich_markup_mode="markdown", pretty_exceptions_enable=False,
    help="""Embed a large corpus and keep it embedded.

A corpus is one YAML file. `embedlake init FOLDER` writes one, `embedlake run CORPUS.yaml` brings its tables up to
its sources (again and again: only what changed is embedded), `embedlake search CORPUS.yaml "a question"` finds
passages by meaning and by words.

Exit codes: 0 done; 1 unexpected error; 2 wrong corpus file or command line; 3 done, but documents or chunks failed
in this run; 4 a source cannot be listed; 5 the lake cannot be reached; 6 a model cannot be loaded, or its service
fails; 7 another run is writing; 8 verify found something wrong; 9 the Prefect server or the Ray cluster does not
answer; 10 no whole answer came; 11 a table may not become live, or not be removed; 12 the budget for models
behind an API is used up; 130 interrupted.""",
)  # fmt: skip

app.callback(invoke_without_command=True)(begin)
app.add_typer(failures_app, name="failures")
for command in (
    init, inspect, plan, run, search, similar, ask, status, backfill, models, evaluate, judge, promote, rollback,
    retire, explore, verify, drop, bench, serve, serve_search, mcp, schema,
):  # fmt: skip
    app.command()(command)


def main() -> NoReturn:
    """The command line: every error that has a message ends with it and its exit code, none with a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    as_json = "--json" in sys.argv or "--jsonl" in sys.argv
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


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
