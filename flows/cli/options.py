"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[Path, typer.Argument(metavar="CORPUS.yaml", help="The corpus file.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run to end, instead of leaving.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for scripts.")]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
