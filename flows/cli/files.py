"""The commands for files: `init`, `schema`, `inspect`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import MODEL, Json, quiet_libraries
from tasks.errors import EXIT_FAILURES, ConfigurationError


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


def schema() -> None:
    """Print the JSON Schema of corpus files, for editors."""
    from tasks.config.loading import schema as schema_text

    sys.stdout.write(schema_text())


def inspect(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A path, or the address of a file in a store; a.zip!/b/c.md of a member."),
    ],
    corpus: Annotated[
        Path | None, typer.Option(metavar="CORPUS.yaml", help="Read it as this corpus does; else by default settings.")
    ] = None,
    chunks: Annotated[bool, typer.Option("--chunks", help="Show where it is cut.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most documents, where it holds records.")] = 3,
    model: Annotated[str, typer.Option(help="Whose tokens are counted, without --corpus.")] = MODEL,
    json: Json = False,
) -> None:
    """Show what a run makes of a file: format, title, metadata, text and cuts; list what is in an archive or mailbox.
    Changes nothing.

    Example: embedlake inspect report.pdf --chunks
    """
    quiet_libraries()
    from flows.cli.shows import print_held, print_inspected
    from flows.cli.terminal import print_json
    from tasks.config.loading import load_corpus
    from tasks.config.settings import Corpus
    from tasks.operate.inspect import held_in
    from tasks.operate.inspect import inspect as inspect_file

    default = {"name": "inspect", "sources": [{"name": "file", "uri": "."}], "models": [model]}
    settings = load_corpus(corpus) if corpus else Corpus.model_validate(default)
    held = held_in(file, settings)
    if held is not None:
        if json:
            print_json([one.to_dict() for one in held])
        else:
            print_held(file, held)
        return
    found = inspect_file(file, settings, limit)
    if json:
        print_json([document.to_dict() for document in found])
    else:
        print_inspected(found, chunks)
    if any(document.failure for document in found):
        sys.exit(EXIT_FAILURES)
