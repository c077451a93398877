"""The command `embedlake drop`."""

import os
import sys
from typing import Annotated

import typer

from flows.cli.options import Corpus, Json, Wait
from tasks.errors import ConfigurationError


def drop(
    corpus_file: Corpus,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the corpus whose tables go.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Remove all tables of a corpus from the lake that a corpus file names.

    A corpus that was renamed leaves its tables under its old name; `embedlake status` shows which there are. What is
    removed cannot be brought back but by a run. Broken off, the same command goes on.

    Example: embedlake drop notes.yaml old-notes
    """
    from flows.cli.terminal import err, out, print_json, shown, size_told
    from tasks.config.loading import load_corpus
    from tasks.lake.neighbours import drop as drop_tables
    from tasks.lake.neighbours import neighbour
    from tasks.lake.tables import Lake

    corpus = load_corpus(corpus_file)
    lake = Lake(corpus, may_be_empty=True, only=())
    found = neighbour(lake, name)
    documents = "" if found.documents is None else f", {found.documents:,} documents"
    size = "" if found.bytes is None else f", {size_told(found.bytes)}"
    about = f"the corpus {name} ({len(found.tables)} tables{documents}{size}) from {lake.uri}"
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError(f"this would remove {about}, and nobody can be asked", "Say so with --yes.")
        own = " It is the corpus of this very file." if name == corpus.name else ""
        err.print(f"This removes {shown(about)}.{own} It cannot be undone.", soft_wrap=True)
        try:
            sure = typer.confirm("Remove it?", err=True)
        except typer.Abort:
            raise KeyboardInterrupt from None
        if not sure:
            err.print("Nothing was removed.")
            raise KeyboardInterrupt
    removed = drop_tables(corpus, name, f"drop-{os.getpid()}", wait)
    if json:
        print_json(found.to_dict() | {"lake": lake.uri, "tables": removed})
        return
    out.print(f"Removed {shown(about)}:", soft_wrap=True)
    for table in removed:
        out.print(f"  {shown(table)}")
