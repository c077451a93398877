"""The command `embedlake` without a command after it: its version, or what one begins with."""

from importlib.metadata import version as version_of
from typing import Annotated

import typer
from typer.core import TyperGroup

FIRST = {
    "init": "FOLDER",
    "run": "CORPUS.yaml",
    "search": 'CORPUS.yaml "a question"',
    "status": "CORPUS.yaml",
}
"""The commands that one begins with, and what to type after them."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"embedlake {version_of('embedlake')}")
        raise typer.Exit


def begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Show the commands that one begins with, where none is given."""
    group = context.command
    if context.invoked_subcommand is not None or not isinstance(group, TyperGroup):
        return
    typer.echo("Embed a large corpus and keep it embedded. One begins with:\n")
    typed = {name: f"embedlake {name} {then}" for name, then in FIRST.items()}
    width = max(map(len, typed.values()))
    for name, line in typed.items():
        about, _, _ = (group.commands[name].help or "").partition("\n")
        typer.echo(f"  {line:<{width}}  {about}")
    typer.echo("\nEvery command: embedlake --help. All about one: embedlake COMMAND --help")
