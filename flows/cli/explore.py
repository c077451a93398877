"""The command `embedlake explore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.cli.options import Corpus, quiet_libraries

if TYPE_CHECKING:
    from tasks.explore.exploring import Drawn

Method = Literal["auto", "pca", "tsne", "umap"]


def explore(
    corpus_file: Corpus,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose vectors the map shows; the live model by default. Given again, that model's clusters become a"
            " column to colour by."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Most points, spread evenly over the table; 1,000,000 by default.")
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            help="How points are laid out: t-SNE of 3,000 landmarks (auto) or 10,000 (tsne), UMAP of 50,000, and the"
            " others beside their nearest landmarks; or the two principal components."
        ),
    ] = "auto",
    color: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that points are coloured by at first; the page changes it.")
    ] = "cluster",
    export: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the map there, for any static web server, and leave.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to show it on; 0 is any that is free.")] = 5055,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Show the corpus as a map in the browser: points that mean alike lie together.

    It is coloured by cluster, source or metadata, searched by words, and filtered by selecting; a point shows its text
    or its picture, and its nearest neighbours. The map is computed once for each version of the table. Nothing leaves
    this machine. Needs the package embedding-atlas: pip install --no-deps embedding-atlas; and a browser with WebGPU.

    Example: embedlake explore notes.yaml --color year
    """
    quiet_libraries()
    import webbrowser
    from tempfile import TemporaryDirectory

    from flows.cli.progress import progress_shown
    from flows.cli.terminal import out, shown
    from tasks.config.loading import load_corpus
    from tasks.explore.exploring import draw
    from tasks.explore.web import HOST, listening, serve_folder
    from tasks.lake.tables import Lake

    def drawn(folder: Path) -> "Drawn":
        with progress_shown(quiet=False):
            return draw(lake, folder, model or [], method, color, sample)

    lake = Lake(load_corpus(corpus_file))
    if export:
        _tell(drawn(export))
        where = shown(str(export))
        out.print(f"Wrote {where}. Look at it with: python3 -m http.server -d {where}", soft_wrap=True)
        return
    with listening(port) as bound, TemporaryDirectory(prefix="embedlake-map-") as folder:
        _tell(drawn(Path(folder) / "map"))
        address = f"http://{HOST}:{bound.getsockname()[1]}"
        out.print(f"The map is at {address} until you press Ctrl+C.")
        if browser:
            webbrowser.open(address)
        serve_folder(Path(folder) / "map", bound)


def _tell(drawn: "Drawn") -> None:
    """What the map shows and what it leaves out."""
    from flows.cli.terminal import out, shown

    some = "" if drawn.points == drawn.total else f" of {drawn.total:,}, spread evenly"
    out.print(f"{shown(drawn.table)}: {drawn.points:,} points{some}")
    if drawn.images:
        out.print(f"Pictures: {drawn.pictures:,} of {drawn.images:,} images.")
    if drawn.lost:
        out.print(
            f"{drawn.lost:,} are not to be had as they were read: their files changed or are gone. Run again.",
            soft_wrap=True,
        )
    if not drawn.neighbours:
        out.print("Without neighbours, which are looked for among up to 50,000 points: --sample 50000.", soft_wrap=True)
    if drawn.cut:
        out.print(
            f"Texts are cut to {drawn.cut:,} characters, as a browser holds so much: a smaller --sample cuts less."
        )
