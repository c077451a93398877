"""The command `words`: what word vectors know."""

from typing import Annotated, Any

import typer

from flows.cli.options import Corpus, Json, quiet_libraries
from tasks.errors import ConfigurationError


def words(
    corpus_file: Corpus,
    words: Annotated[list[str] | None, typer.Argument(metavar="WORD", help="A word, or several.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Other word vectors than the corpus's: its model, a file (./glove.txt) or package:NAME."),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Tell instead which words of the corpus have no vector.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most words.")] = 10,
    json: Json = False,
) -> None:
    """Show the words that are nearest to a word in meaning, by the corpus's word vectors.

    With --unknown, every chunk is read for words that the vectors do not have, and those that are there most often are
    shown.

    Example: embedlake words notes.yaml bank --model ./glove.6B.300d.txt
    """
    from tasks.search.query import open_lake

    if bool(words) == unknown:
        raise ConfigurationError("give either a word or --unknown", "Such as: embedlake words CORPUS.yaml bank")
    quiet_libraries()
    lake = open_lake(corpus_file)
    if unknown:
        _tell_coverage(lake.coverage(model, limit), json)
        return
    asked = words or []
    vectors = lake.word_vectors(model)
    found = [
        {"word": word, "known": bool(vectors.pieces(word)), "nearest": [one._asdict() for one in near]}
        for word, near in zip(asked, vectors.nearest(asked, limit), strict=True)
    ]
    _tell_nearest(found, json)


def _tell_nearest(found: list[dict[str, Any]], json: bool) -> None:
    from flows.cli.terminal import out, print_json, print_rows, shown

    if json:
        print_json(found)
        return
    for one in found:
        out.print(f"[bold]{shown(one['word'])}[/]" + ("" if one["known"] else "  no vector"), soft_wrap=True)
        print_rows([(f"  {near['word']}", f"{near['cosine']:.3f}") for near in one["nearest"]])


def _tell_coverage(coverage: Any, json: bool) -> None:
    from flows.cli.terminal import print_json, print_rows

    if json:
        print_json(coverage.to_dict())
        return
    share = coverage.unknown / max(coverage.words, 1)
    print_rows(
        [
            ("words", f"{coverage.words:,} ({coverage.distinct:,} distinct)"),
            ("without a vector", f"{coverage.unknown:,} ({share:.1%})"),
            *((f"  {word}", f"{count:,}") for word, count in coverage.most.items()),
        ]
    )
