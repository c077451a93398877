"""The command that answers: `ask`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Corpus, Json, quiet_libraries

if TYPE_CHECKING:
    from tasks.answer.answering import Answered, Prompted
    from tasks.answer.chat import Endpoint


def ask(
    corpus_file: Corpus,
    question: Annotated[str, typer.Argument(help="What is to be answered from the corpus.")],
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, max=1000, help="Passages to answer from; as many as the corpus file says."
        ),
    ] = None,
    where: Annotated[str | None, typer.Option(help="SQL over the columns, as in a search.")] = None,
    rerank: Annotated[
        bool | None,
        typer.Option(help="By the reranker that the corpus file names; the default where it names one."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another embedding model than the live one.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Show the prompt and send it to nobody.")] = False,
    json: Json = False,
) -> None:
    """Answer a question from the corpus, by a chat endpoint, with citations that are checked.

    The endpoint is any that speaks OpenAI's protocol: `ask: {url: …, model: …}` in the corpus file, or
    EMBEDLAKE_ASK_URL, EMBEDLAKE_ASK_MODEL and EMBEDLAKE_ASK_KEY. Without one, it shows the passages and the prompt.
    A citation of what is no passage is marked, as in [7?]. Ends with 10 if no whole answer came.

    Example: embedlake ask notes.yaml "what did we decide about backups"
    """
    quiet_libraries()
    from flows.cli.terminal import err, shown
    from tasks.answer.answering import prompted
    from tasks.answer.chat import endpoint_of
    from tasks.config.loading import load_corpus
    from tasks.search.query import open_lake
    from tasks.secrets import redact

    settings = load_corpus(corpus_file).ask
    endpoint = None if prompt else endpoint_of(settings)
    passages = open_lake(corpus_file).search(
        question, model=model, limit=limit or settings.passages, where=where, rerank=rerank
    )
    if passages.note:
        err.print(shown(redact(passages.note)), soft_wrap=True)
    asked = prompted(question, passages, settings.context_tokens)
    if json:
        _as_json(question, asked, endpoint)
    elif endpoint and passages:
        _as_text(asked, endpoint)
    else:
        _prompt_shown(asked, prompt)


def _as_text(asked: "Prompted", endpoint: "Endpoint") -> None:
    """The answer as it comes, then its sources; it ends with the answer's error, if it has one."""
    from flows.cli.shows import print_sources
    from flows.cli.terminal import err, harmless, out

    def show(text: str) -> None:
        out.print(harmless(text), end="", markup=False, soft_wrap=True)

    done = _answered(asked, endpoint, show)
    out.print()
    out.print()
    print_sources(asked.sources, done.cited)
    if done.unknown:
        many = f"{len(done.unknown)} citations name" if len(done.unknown) > 1 else "1 citation names"
        err.print(f"[yellow]{many} no passage[/]; they are marked: {', '.join(done.unknown)}", soft_wrap=True)
    if asked.left_out:
        err.print(f"{asked.left_out} passages did not fit into the prompt (ask: context_tokens)", soft_wrap=True)
    if done.error:
        raise done.error


def _as_json(question: str, asked: "Prompted", endpoint: "Endpoint | None") -> None:
    """One JSON value; an error of the answer is part of it, and its exit code is kept."""
    from flows.cli.terminal import error_value, print_json

    done = _answered(asked, endpoint, lambda _: None) if endpoint and asked.sources else None
    value: dict[str, Any] = {
        "question": question,
        "model": endpoint.model if endpoint else None,
        "answer": done.text if done else None,
        "cited": done.cited if done else [],
        "unknown_citations": done.unknown if done else [],
        "sources": [source.to_dict() for source in asked.sources],
        "left_out": asked.left_out,
    }
    if done is None:
        value["prompt"] = asked.messages
    if done and done.error:
        value |= error_value(done.error)
    print_json(value)
    if done and done.error:
        sys.exit(done.error.exit_code)


def _answered(asked: "Prompted", endpoint: "Endpoint", show: Callable[[str], object]) -> "Answered":
    """How an answer ended, each of its pieces shown as it came."""
    import asyncio

    from tasks.answer.answering import Answered, Piece, answer

    async def follow() -> Answered:
        async for event in answer(asked, endpoint):
            if isinstance(event, Piece):
                show(event.text)
            elif isinstance(event, Answered):
                ended = event
        return ended

    return asyncio.run(follow())


def _prompt_shown(asked: "Prompted", wanted: bool) -> None:
    """The passages and the prompt, where nobody is asked."""
    from flows.cli.shows import print_sources
    from flows.cli.terminal import err, out, shown

    if not asked.sources:
        out.print("Nothing found.")
        return
    for message in asked.messages:
        out.rule(message["role"], align="left")
        out.print(shown(message["content"]), soft_wrap=True)
    out.rule(align="left")
    print_sources(asked.sources, [])
    if not wanted:
        err.print(
            "No chat endpoint is named, so nobody was asked. Name one in the corpus file (ask: url, model), or set"
            " EMBEDLAKE_ASK_URL and EMBEDLAKE_ASK_MODEL.", soft_wrap=True,
        )  # fmt: skip
