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
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find the passages of a corpus that are copies of one another, or nearly so.

    Equal texts come first, each copy beside the first one; then those of different texts, the most alike first.
    Nothing is embedded for it.

    Example: embedlake clones code.yaml --above 0.97 --where "uri LIKE '%.py'"
    """
    quiet_libraries()
    from flows.cli.terminal import out, print_json, shown
    from tasks.search.query import open_lake

    found = open_lake(corpus_file).clones(model, above, limit, where, least, exact=not near)
    if json:
        print_json(found.to_dict())
        return
    for pair in found.pairs:
        out.print(shown(_line(pair)), soft_wrap=True)
    out.print(
        f"{found.exact:,} copies and {found.near:,} pairs at {above:g} or more among {found.texts:,} different texts",
        soft_wrap=True,
    )


def _line(pair: "Clone") -> str:
    how = "equal" if pair.exact else f"{pair.cosine:.3f}"
    return f"{how}  {_named(pair.first)}  =  {_named(pair.second)}"


def _named(member: "Member") -> str:
    name = " > ".join([member.document_id, *member.headings])
    return f"{name} ({member.start}–{member.end})"
