"""The command `clones`: pairs of passages that are alike."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Corpus, Json, quiet_libraries

if TYPE_CHECKING:
    from tasks.search.clones import Clone, Member


def clones(
    corpus_file: Corpus,
    above: Annotated[float, typer.Option(min=0, max=1, help="Least cosine similarity of a pair.")] = 0.95,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most pairs.")] = 20,
    where: Annotated[str | None, typer.Option(help="SQL over the columns, as for `search`.")] = None,
    least: Annotated[int, typer.Option(min=0, help="Leave out passages of fewer tokens.")] = 30,
    near: Annotated[bool, typer.Option("--near", help="Leave out pairs of equal texts.")] = False,
    images: Annotated[
        bool,
        typer.Option("--images", help="Of images instead: those that look alike, by their perceptual hashes."),
    ] = False,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find the passages of a corpus that are copies of one another, or nearly so.

    Equal texts come first, each copy beside the first one; then those of different texts, the most alike first.
    Nothing is embedded for it. Images are alike whose perceptual hashes differ in 6 bits or fewer of 64.

    Example: embedlake clones code.yaml --above 0.97 --where "uri LIKE '%.py'"
    """
    quiet_libraries()
    from flows.cli.terminal import out, print_json, shown
    from tasks.search.query import open_lake

    found = open_lake(corpus_file).clones(model, above, limit, where, least, exact=not near, images=images)
    if json:
        print_json(found.to_dict())
        return
    for pair in found.pairs:
        out.print(shown(_line(pair, images)), soft_wrap=True)
    if images:
        out.print(
            f"{found.exact:,} copies and {found.near:,} pairs that look alike among {found.texts:,} different images"
        )
        return
    out.print(
        f"{found.exact:,} copies and {found.near:,} pairs at {above:g} or more among {found.texts:,} different texts",
        soft_wrap=True,
    )


def _line(pair: "Clone", images: bool) -> str:
    near = f"{round((1 - pair.cosine) * 32)} bits" if images else f"{pair.cosine:.3f}"
    how = "equal" if pair.exact else near
    return f"{how}  {_named(pair.first)}  =  {_named(pair.second)}"


def _named(member: "Member") -> str:
    name = " > ".join([member.document_id, *member.headings])
    place = member.reference.rpartition("#")[2] if member.reference else f"{member.start}–{member.end}"
    return f"{name} ({place})"
