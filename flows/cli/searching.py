"""The commands that search: `search`, `similar`."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.cli.options import Corpus, Json, quiet_libraries
from tasks.errors import ConfigurationError, EmbedlakeError

if TYPE_CHECKING:
    from tasks.search.passage import Passage, Passages
    from tasks.search.query import OpenLake

Way = Literal["vector", "text", "hybrid"]
Modality = Literal["text", "image", "audio"]


def search(
    corpus_file: Corpus,
    query: Annotated[
        str | None, typer.Argument(help="A question or a few words; without one, they are asked for one by one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most passages.")] = 5,
    where: Annotated[
        str | None, typer.Option(help="SQL over the columns: \"uri LIKE '%.md' AND year >= 2020\"")
    ] = None,
    by: Annotated[
        Way | None,
        typer.Option(
            help="By meaning (vector), by words (text), or by both (hybrid, the default unless the corpus file says"
            " otherwise)."
        ),
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of meaning against words when searching by both: 1 is meaning alone."),
    ] = None,
    offset: Annotated[int, typer.Option(min=0, help="Passages to skip, to see those after them.")] = 0,
    per_document: Annotated[int | None, typer.Option(min=1, help="Most passages of one document.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Leave out passages with a lower score.")] = None,
    rerank: Annotated[
        bool | None,
        typer.Option(help="By the reranker that the corpus file names; the default where it names one."),
    ] = None,
    context: Annotated[
        int, typer.Option(min=0, max=20, help="Show so many chunks before and behind each passage too.")
    ] = 0,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What is like this image, instead of a question.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What is like this sound, instead of a question.")
    ] = None,
    modality: Annotated[
        Modality | None,
        typer.Option(help="Only passages of text, only images, or only sound; by default all in one list."),
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Open the file of the best one.")] = False,
    boost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD:WEIGHT[:DAYS]",
            help="Raise scores by a number or a date of the metadata: year:0.2 by a fifth at most, published:0.5:365"
            " with a half-life in days. May be repeated.",
        ),
    ] = None,
    diverse: Annotated[
        float, typer.Option(min=0, max=1, help="How much it counts that a passage is unlike those above it.")
    ] = 0.0,
    expand: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Look for words too that are near the query's, at a lower weight: by word vectors of the corpus, of a"
            " file (./glove.txt) or of package:NAME.",
        ),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CORPUS.yaml", help="Another corpus of the same model, for one list of all. May be repeated."
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask each line of a file, or of standard input with -; embedded together."),
    ] = None,
    show_images: Annotated[
        bool,
        typer.Option(
            "--show-images",
            help="Show images between the lines, in a terminal that takes them: kitty, Ghostty, Konsole, Warp, iTerm2,"
            " WezTerm, mintty, VS Code's and others like them.",
        ),
    ] = False,
    explain: Annotated[bool, typer.Option(help="Show how each list has a passage, and what made its score.")] = False,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON value a line for each passage.")] = False,
) -> None:
    """Find passages by meaning, by words, or by both.

    Names and numbers are found by words, what is said otherwise by meaning; by default both are looked for, and each
    list counts as much as suits the corpus. Without a query, it stays and asks; an empty line or Ctrl-D ends it.

    Example: embedlake search notes.yaml "what did we decide about backups" -n 3
    """
    quiet_libraries()
    from tasks.search.query import open_lake

    _check_together(query, queries, image, audio, also, rerank)
    files = [corpus_file, *(also or ())]
    lakes = [open_lake(file) for file in files]
    options: dict[str, Any] = {
        "model": model, "limit": limit, "where": where, "by": by, "weight": weight, "offset": offset,
        "per_document": per_document, "min_score": min_score, "context": context, "rerank": rerank,
        "boost": [_boost(given) for given in boost or ()], "diverse": diverse, "modality": modality, "expand": expand,
    }  # fmt: skip
    show = partial(
        _show, explain=explain, json=json, jsonl=jsonl, picture=_painter(files, lakes, model) if show_images else None
    )
    if file := image or audio:
        found = lakes[0].search(image=image, audio=audio, **options)
        show([(str(file), found)], marked=False)
        _open_first([found], open)
    elif queries is not None:
        asked = _lines(queries)
        show([*zip(asked, _found(lakes, asked, options), strict=True)], several=True)
    elif query is not None:
        answered = _found(lakes, [query], options)
        show([(query, answered[0])])
        _open_first(answered, open)
    else:
        _prompt(lambda text: show([(text, _found(lakes, [text], options)[0])]), json or jsonl)


def _check_together(
    query: str | None,
    queries: Path | None,
    image: Path | None,
    audio: Path | None,
    also: list[Path] | None,
    rerank: bool | None,
) -> None:
    named = {"a query": query, "a file of queries": queries, "an image": image, "a sound": audio}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise ConfigurationError(f"{' and '.join(given)} are given", "Give one of them.")
    if also and (image or audio):
        raise ConfigurationError(
            "a search of several corpora takes neither image nor sound", "Search one, or by a question."
        )
    if also and rerank:
        raise ConfigurationError("a search of several corpora has no reranker", "Search without --rerank.")


def _found(lakes: "Sequence[OpenLake]", queries: Sequence[str], options: dict[str, Any]) -> "list[Passages]":
    if len(lakes) == 1:
        return lakes[0].search_many(queries, **options)
    from tasks.search.several import search_all

    return [search_all(lakes, query, **options) for query in queries]


def _painter(
    files: Sequence[Path], lakes: "Sequence[OpenLake]", model: str | None
) -> "Callable[[Passage], str] | None":
    """What shows images in this terminal; None where it does not, which a person is told."""
    from flows.cli.pictures import painter, protocol_of
    from flows.cli.terminal import err, out
    from tasks.config.loading import load_corpus

    if not out.is_terminal:
        return None
    if protocol := protocol_of(os.environ):
        names = [load_corpus(file).name for file in files]
        return painter(dict(zip(names, lakes, strict=True)), model, protocol)
    err.print("This terminal is not known to show images; --open opens the best one's file.", soft_wrap=True)
    return None


def _open_first(found: "Sequence[Passages]", wanted: bool) -> None:
    """Open the file of the best passage, as the desktop does."""
    if not wanted or not any(found):
        return
    best = next(passages[0] for passages in found if passages)
    if "://" not in best.uri and not Path(best.uri).exists():
        raise ConfigurationError(f"{best.uri} is not there any more", "Run again, so that searches know.")
    typer.launch(best.uri)


def _boost(given: str) -> dict[str, Any]:
    """A boost as the command line has it."""
    field, *numbers = given.split(":")
    try:
        return dict(zip(("field", "weight", "half_life"), (field, *map(float, numbers)), strict=False))
    except ValueError:
        raise ConfigurationError(f"{given!r} is no boost", "Write FIELD:WEIGHT, of a date FIELD:WEIGHT:DAYS.") from None


def _lines(file: Path) -> list[str]:
    """The queries of a file."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", "Give a file of UTF-8 text.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _show(
    found: "Sequence[tuple[str, Passages]]",
    explain: bool,
    json: bool,
    jsonl: bool,
    several: bool = False,
    marked: bool = True,
    picture: "Callable[[Passage], str] | None" = None,
) -> None:
    """What was found for each query."""
    from flows.cli.passages import paged, print_passages
    from flows.cli.terminal import err, out, print_json, print_json_line, shown
    from tasks.secrets import redact

    for note in dict.fromkeys(passages.note for _, passages in found if passages.note):
        err.print(shown(redact(note)), soft_wrap=True)
    if jsonl:
        for query, passages in found:
            for passage in passages:
                print_json_line({"query": query, **passage.to_dict()})
    elif json:
        answers = [{"query": q, "passages": [passage.to_dict() for passage in passages]} for q, passages in found]
        print_json(answers if several else answers[0]["passages"])
    else:
        with nullcontext() if picture else paged():  # a pager shows no images
            for query, passages in found:
                if several:
                    out.rule(shown(query), align="left")
                print_passages(passages, explain, query if marked else "", picture)


def _prompt(answer: Callable[[str], None], as_json: bool) -> None:
    """Ask for queries and answer them until an empty line or the end; an error ends one answer and no more."""
    from contextlib import suppress

    from flows.cli.terminal import print_error

    with suppress(ImportError):
        import readline  # noqa: F401  # gives `input` its history
    talking = sys.stdin.isatty()
    for text in iter(partial(_asked, "search> " if talking else ""), ""):
        try:
            answer(text)
        except EmbedlakeError as error:
            print_error(error, as_json)
        sys.stdout.flush()


def _asked(sign: str) -> str:
    try:
        return input(sign).strip()
    except EOFError:
        if sign:
            print()
        return ""


def similar(
    corpus_file: Corpus,
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE",
            help="A document id or a chunk id, as a search shows it; or a file of any kind. Of a text or a program also"
            " some lines: store.py:120-160.",
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most passages.")] = 5,
    where: Annotated[str | None, typer.Option(help="SQL over the columns, as for `search`.")] = None,
    per_document: Annotated[int, typer.Option(min=1, help="Most passages of one document.")] = 1,
    model: Annotated[str | None, typer.Option(help="Another model than the live one.")] = None,
    json: Json = False,
) -> None:
    """Find passages of other documents that are like a document, a chunk, or a file that need not be in the corpus.

    Given some lines of a file or a document (store.py:120-160), such as a function, it finds their clones, also those
    in the same document.

    Example: embedlake similar notes.yaml notes:2025/backups.md
    """
    quiet_libraries()
    from flows.cli.passages import paged, print_passages
    from flows.cli.terminal import print_json
    from tasks.search.query import open_lake
    from tasks.sources.formats import medium_of

    lake, file = open_lake(corpus_file), Path(identity)
    medium = medium_of(file.name) if file.is_file() else None
    if medium in ("image", "audio"):
        by: dict[str, Any] = {medium: file}
        passages = lake.search(**by, model=model, limit=limit, where=where, per_document=per_document)
    else:
        texts = list(_passages_of(file, corpus_file)) if file.is_file() else None
        passages = lake.similar(
            None if texts else identity, model=model, limit=limit, where=where, per_document=per_document, text=texts
        )
    if json:
        print_json([passage.to_dict() for passage in passages])
    else:
        with paged():
            print_passages(passages)


def _passages_of(file: Path, corpus_file: Path) -> Iterable[str]:
    """The passages of a file, cut as a run would cut them."""
    from tasks.config.loading import load_corpus
    from tasks.operate.inspect import inspect

    documents = inspect(str(file), load_corpus(corpus_file), limit=1)
    for document in documents:
        if document.failure:
            raise ConfigurationError(document.failure["message"], document.failure["hint"])
        yield from (chunk["text"] for chunk in document.chunks)
