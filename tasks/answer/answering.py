"""An answer as events: for a terminal that shows it as it comes, and for whatever passes it on."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tasks.answer.chat import Endpoint, chat
from tasks.answer.citations import CitationCheck
from tasks.answer.prompt import Message, prompt_of
from tasks.answer.sources import Source, sources_of
from tasks.errors import EmbedlakeError
from tasks.search.passage import Passage


@dataclass(frozen=True, slots=True)
class Prompted:
    """What the model is asked; the first event.

    Attributes:
        sources: that the prompt holds.
        left_out: passages that did not fit.
        messages: the prompt.
    """

    sources: list[Source]
    left_out: int
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer, its citations checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """How it ended; the last event.

    Attributes:
        text: all pieces; as far as it came, where it failed.
        cited: numbers of the sources that it cites, in the order in which it does first.
        unknown: what it cites that is no source, as often as it does; marked in the text, as in [7?].
        error: why the answer is not whole; None where it is.
    """

    text: str
    cited: list[int]
    unknown: list[str]
    error: EmbedlakeError | None


Event = Prompted | Piece | Answered


def prompted(question: str, passages: Sequence[Passage], budget: int) -> Prompted:
    """What a model is asked.

    Args:
        question: the user's.
        passages: that a search found for it, best first.
        budget: most tokens of passages.
    """
    sources = sources_of(passages, budget)
    taken = sum(len(source.chunk_ids) for source in sources)
    return Prompted(sources, len(passages) - taken, prompt_of(question, sources))


async def answer(prompt: Prompted, endpoint: Endpoint) -> AsyncGenerator[Event]:
    """The prompt, the pieces of the answer, and how it ended. It raises nothing that has a message: that is in the last
    event, and what came before it stays.
    """
    yield prompt
    check = CitationCheck(len(prompt.sources))
    text, failure = "", None
    try:
        async with aclosing(chat(endpoint, prompt.messages)) as pieces:
            async for piece in pieces:
                if checked := check.feed(piece):
                    text += checked
                    yield Piece(checked)
    except EmbedlakeError as error:
        failure = error
    if rest := check.finish():
        text += rest
        yield Piece(rest)
    yield Answered(text, check.cited, check.unknown, failure)
