"""The commands that judge models: `evaluate`, `judge`."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Corpus, Json, quiet_libraries
from tasks.evaluate.margin import MARGIN

if TYPE_CHECKING:
    from tasks.evaluate.arms import Shown

_QUERIES = "Queries: BEIR's queries.jsonl, a .json, or lines of id, tab, text."
_GRADES = {"0": "not relevant", "1": "relevant", "2": "just what was asked for", "s": "skip", "q": "quit"}


def evaluate(
    corpus_file: Corpus,
    models: Annotated[
        str | None, typer.Option(help="Names of models, the reference first: a,b; all that are kept up by default.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help=_QUERIES)] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Which documents answer them: BEIR's .tsv, or TREC's four columns.")
    ] = None,
    by: Annotated[str, typer.Option(help="Ways of searching to compare.")] = "vector,text,hybrid",
    rerank: Annotated[
        bool | None,
        typer.Option(help="Also with the reranker that the corpus file names; the default where it names one."),
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--try", metavar="MODEL", help='Measure this model on a sample, without a table: "minilm dimension=128".'
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=20, help="Chunks to --try models on (5,000), or to find known items among (2,000)."),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(help="Documents that a model was trained on, by id or as qrels: their queries are counted."),
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Leave out the queries that --training answers.")] = False,
    exclude_queries: Annotated[Path | None, typer.Option(help="A file of query ids to leave out, one a line.")] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="A model worse by less than this in nDCG@10 counts as not worse.")
    ] = MARGIN,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write evaluation.html and evaluation.md there.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare models, and ways of searching, by the questions of your users.

    With --queries and --qrels: nDCG@10, recall and MRR of each model searched in each way, with 95 % intervals, a test
    against the live model, and the smallest difference that so many queries can show. Without them, titles and
    headings of the corpus are to find their passages, which says less: `embedlake judge` makes judgments. Results are
    kept in the lake, but for those of --try.

    Example: embedlake evaluate notes.yaml --queries queries.jsonl --qrels qrels.tsv --report report/
    """
    quiet_libraries()
    from flows.cli.progress import progress_shown
    from flows.cli.shows import print_evaluation
    from flows.cli.terminal import out, print_json, shown
    from tasks.config.loading import load_corpus
    from tasks.evaluate.report import write
    from tasks.evaluate.requests import Request, carried_out, ways_of
    from tasks.lake.tables import Lake

    request = Request(
        [name.strip() for name in (models or "").split(",") if name.strip()], queries, qrels, ways_of(by), rerank,
        sample, candidates or [], training, clean, exclude_queries, margin,
    )  # fmt: skip
    lake = Lake(load_corpus(corpus_file))
    with progress_shown(json), redirect_stdout(sys.stderr):  # libraries print what they like
        found = carried_out(lake, request)
    files = write(found, report) if report else []
    if json:
        print_json(found.to_dict() | {"report": [str(file) for file in files]})
        return
    print_evaluation(found)
    for file in files:
        out.print(f"Written: {shown(str(file))}", soft_wrap=True)


def judge(
    corpus_file: Corpus,
    queries: Annotated[
        Path | None, typer.Option(help=f"{_QUERIES} Titles and headings of the corpus by default.")
    ] = None,
    qrels: Annotated[
        Path, typer.Option(help="Judgments are written here, and a session goes on from those that it has.")
    ] = Path("qrels.tsv"),
    models: Annotated[
        str | None, typer.Option(help="Names of models whose finds are judged: a,b; all that are kept up by default.")
    ] = None,
    by: Annotated[str, typer.Option(help="Ways of searching whose finds are judged.")] = "vector,text,hybrid",
    depth: Annotated[int, typer.Option(min=1, max=100, help="Of each list that is judged.")] = 5,
) -> None:
    """Judge what searches find, a passage at a time, and so make the judgments that `evaluate` compares models by.

    Passages of all models and ways come together in random order, so that nobody sees which found what. Press 0 (not
    relevant), 1 (relevant), 2 (just what was asked for), s (skip) or q (quit). Each judgment is written at once; the
    same command goes on where it was. Without --queries, queries are made from the corpus and written beside --qrels.

    Example: embedlake judge notes.yaml --queries queries.jsonl --qrels qrels.tsv
    """
    quiet_libraries()
    from flows.cli.terminal import err, out, shown
    from tasks.config.loading import load_corpus
    from tasks.evaluate.judging import Judgments
    from tasks.evaluate.requests import ways_of
    from tasks.evaluate.session import open_session
    from tasks.lake.tables import Lake

    names = [name.strip() for name in (models or "").split(",") if name.strip()]
    judgments = Judgments(qrels)
    session = open_session(Lake(load_corpus(corpus_file)), queries, qrels, names, ways_of(by), depth)
    done = 0
    for number, (identity, query) in enumerate(session.queries.items(), 1):
        open_ = [one for one in session.pool(identity) if not judgments.has(identity, one.document_id)]
        for place, one in enumerate(open_, 1):
            out.rule(f"query {number} of {len(session.queries)}, passage {place} of {len(open_)}", align="left")
            out.print(f"[bold]{shown(query)}[/]", soft_wrap=True)
            grade = _grade(one)
            if grade == "q":
                err.print(f"{done} judged. To go on, call the same command again.", soft_wrap=True)
                return
            if grade != "s":
                judgments.add(identity, one.document_id, int(grade))
                done += 1
    again = f"embedlake evaluate {corpus_file} --queries {session.file} --qrels {qrels}"
    out.print(f"{done} judged; nothing is left to judge. Next: {shown(again)}", soft_wrap=True)


def _grade(one: "Shown") -> str:
    """What a person says of a passage."""
    from flows.cli.terminal import out, shown

    out.print(f"[cyan]{shown(one.title or one.document_id)}[/]", soft_wrap=True)
    out.print(shown(one.text), soft_wrap=True)
    told = "  ".join(f"{key} {meaning}" for key, meaning in _GRADES.items())
    while True:
        out.print(f"[dim]{told}[/]", soft_wrap=True)
        pressed = _key().strip().lower()
        if pressed in _GRADES:
            return pressed


def _key() -> str:
    """The next key, or line where there is no terminal; its end quits.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
    """
    if sys.stdin.isatty():
        pressed: str = typer.getchar()
        return "q" if pressed in ("\x04", "\x1b") else pressed
    return sys.stdin.readline() or "q"
