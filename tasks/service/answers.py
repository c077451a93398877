"""The route that answers questions: `/ask`, whole or as it comes."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tasks.answer.answering import Answered, Piece, Prompted, answer, prompted
from tasks.answer.chat import Endpoint, endpoint_of
from tasks.errors import EmbedlakeError
from tasks.secrets import redact
from tasks.service.asking import Service
from tasks.service.schemas import Query, Taken, Where

_UNANSWERED = 502  # the endpoint's fault, not the client's


class AskRequest(Taken):
    """A question."""

    question: Query = Field(description="What is to be answered from the corpus.")
    corpus: str | None = Field(None, description="Name of the corpus; may be left out where only one is served.")
    limit: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Passages to answer from; by default as many as the corpus file says."
    )
    where: Where = None
    stream: bool = Field(
        False, description="Send the answer as server-sent events as it comes: `sources`, `piece` and `end`."
    )


class AskSource(BaseModel):
    """A stretch of a document that the answer may cite by its number."""

    number: int
    document_id: str
    title: str | None
    uri: str
    headings: list[str]
    start: int
    end: int
    page: int | None
    text: str
    chunk_ids: list[str]


class Failed(BaseModel):
    """Why an answer is not whole."""

    kind: str
    message: str
    hint: str


class AskResponse(BaseModel):
    """An answer; where no chat endpoint is named, what one would be asked."""

    corpus: str
    question: str
    model: str | None
    answer: str | None
    cited: list[int]
    unknown_citations: list[str]
    sources: list[AskSource]
    left_out: int
    prompt: list[dict[str, str]] | None
    error: Failed | None
    request_id: str


def add_routes(app: FastAPI, service: Service) -> None:
    """Add it to an application."""

    @app.post("/ask", summary="Answer a question, with citations that are checked.")
    async def ask(asked: AskRequest, request: Request, response: Response) -> AskResponse:
        corpus = service.corpus(asked.corpus)
        [question] = service.queries(asked.question)
        settings = corpus.corpus.ask
        endpoint = endpoint_of(settings)
        search = partial(corpus.search, question, limit=asked.limit or settings.passages, where=asked.where)
        prompt = prompted(question, await service.ask(corpus, search), settings.context_tokens)
        told = AskResponse(
            corpus=corpus.corpus.name, question=question, model=endpoint.model if endpoint else None, answer=None,
            cited=[], unknown_citations=[], sources=[AskSource(**source.to_dict()) for source in prompt.sources],
            left_out=prompt.left_out, prompt=None, error=None, request_id=request.state.request_id,
        )  # fmt: skip
        if endpoint is None or not prompt.sources:
            return told.model_copy(update={"prompt": [dict(message) for message in prompt.messages]})
        if asked.stream:
            events = _events(told, prompt, endpoint)
            return StreamingResponse(events, media_type="text/event-stream")  # type: ignore[return-value]
        done = [event async for event in answer(prompt, endpoint)][-1]
        assert isinstance(done, Answered), "the last event says how it ended"
        response.status_code = _UNANSWERED if done.error else 200
        return told.model_copy(update=_ended(done))


async def _events(told: AskResponse, prompt: Prompted, endpoint: Endpoint) -> AsyncIterator[str]:
    async for event in answer(prompt, endpoint):
        if isinstance(event, Piece):
            yield _event("piece", {"text": event.text})
        elif isinstance(event, Answered):
            yield _event("end", told.model_copy(update=_ended(event)).model_dump(mode="json", exclude={"sources"}))
        else:
            yield _event("sources", [source.model_dump() for source in told.sources])


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _ended(done: Answered) -> dict[str, Any]:
    error = done.error
    return {
        "answer": done.text, "cited": done.cited, "unknown_citations": done.unknown,
        "error": _failed(error) if error else None,
    }  # fmt: skip


def _failed(error: EmbedlakeError) -> Failed:
    return Failed(kind=type(error).__name__, message=redact(error.message), hint=redact(error.hint))
