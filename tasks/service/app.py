"""The routes of the service."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from tasks.errors import ConfigurationError, EmbedlakeError, UnknownName
from tasks.search.passage import Passage, Passages
from tasks.search.several import search_all
from tasks.secrets import redact
from tasks.service import answers, openai, pictures
from tasks.service.asking import Service
from tasks.service.guard import Guard, Limits, Refused, error_body
from tasks.service.keys import Keys
from tasks.service.metrics import Metrics
from tasks.service.schemas import (
    Answer,
    ErrorResponse,
    FoundPassage,
    FoundWider,
    Health,
    NearWord,
    NearWords,
    SearchRequest,
    SearchResponse,
    ServedCorpus,
    SimilarRequest,
    SimilarResponse,
)
from tasks.service.tools import create_tools
from tasks.service.warm import Corpora

Word = Annotated[str, Path(max_length=200)]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": about}
    for status, about in {
        400: "The query, the filter or the JSON is wrong.", 401: "No valid API key.",
        404: "No such corpus, model, document or chunk.",
        408: "The body did not arrive in time.", 413: "Too much was sent.", 415: "The body is not JSON.",
        421: "Asked by a name that is not its own.", 422: "A field is missing or wrong.",
        500: "Unexpected.", 503: "Too many requests, or the lake cannot be read.", 504: "No answer in time.",
    }.items()
}  # fmt: skip


def create_app(corpora: Corpora, keys: Keys, limits: Limits) -> FastAPI:
    """The ASGI application.

    Args:
        corpora: that are served.
        keys: who may ask.
        limits: of each request.
    """
    metrics = Metrics()
    service = Service(corpora, limits)
    tools = _tools(service)
    app = FastAPI(
        title="embedlake", version=version("embedlake"), description="Search over corpora that are kept embedded.",
        responses=_ERRORS, lifespan=tools.router.lifespan_context if tools else None,
    )  # fmt: skip
    app.add_middleware(Guard, keys=keys, limits=limits, metrics=metrics)
    _explain_errors(app)

    @app.post("/search", summary="Find passages.", response_model=SearchResponse)
    async def search(asked: SearchRequest, request: Request) -> Response:
        began = time.monotonic()
        named = asked.corpus if isinstance(asked.corpus, list) else [asked.corpus]
        corpora, queries = [service.corpus(name) for name in named], service.queries(asked.query)
        options = asked.model_dump(exclude={"query", "corpus"})
        one = corpora[0].search if len(corpora) == 1 else partial(search_all, corpora)
        found = await asyncio.gather(*(service.ask(corpora[0], partial(one, q, **options)) for q in queries))
        names = [corpus.corpus.name for corpus in corpora]
        answer = SearchResponse(
            corpus=names if isinstance(asked.corpus, list) else names[0],
            results=[_answer(q, p) for q, p in zip(queries, found, strict=True)],
            milliseconds=_since(began), request_id=request.state.request_id,
        )  # fmt: skip
        return Response(answer.model_dump_json(), media_type="application/json")  # FastAPI would check it once more

    @app.post("/similar", summary="Find passages that are like a document or a chunk.")
    async def similar(asked: SimilarRequest, request: Request) -> SimilarResponse:
        began = time.monotonic()
        corpus = service.corpus(asked.corpus)
        options = asked.model_dump(exclude={"id", "corpus"})
        found = await service.ask(corpus, partial(corpus.similar, asked.id, **options))
        return SimilarResponse(
            corpus=corpus.corpus.name, passages=_shown(found), note=found.note, milliseconds=_since(began),
            request_id=request.state.request_id,
        )  # fmt: skip

    @app.get("/corpora/{corpus}/documents/{document_id:path}", summary="A document, as its chunks have it.")
    async def document(corpus: str, document_id: str) -> FoundPassage:
        found = service.corpus(corpus)
        [shown] = _shown([await service.ask(found, partial(found.document, document_id))])
        return shown

    @app.get("/corpora/{corpus}/words/{word}", summary="The words that are nearest to a word in meaning.")
    async def words(corpus: str, word: Word, limit: Annotated[int, Query(ge=1, le=1000)] = 10) -> NearWords:
        held = service.corpus(corpus)

        def nearest() -> NearWords:
            vectors = held.word_vectors()
            near = [NearWord(word=one.word, cosine=one.cosine) for one in vectors.nearest([word], limit)[0]]
            return NearWords(word=word, known=bool(vectors.pieces(word)), nearest=near)

        return await service.ask(held, nearest)

    @app.get("/corpora", summary="The corpora that are served.")
    async def served() -> list[ServedCorpus]:
        return [corpus.told() for corpus in corpora]

    @app.get("/health", summary="Whether the process lives.")
    async def health() -> Health:
        return Health(status="ok", corpora=corpora.names)

    @app.get("/ready", summary="Whether every corpus is served as it is in the lake now.")
    async def ready(response: Response) -> Health:
        late = [corpus.corpus.name for corpus in corpora if not corpus.ready]
        response.status_code = 503 if late else 200
        return Health(status="not ready" if late else "ok", corpora=late or corpora.names)

    @app.get("/metrics", summary="For Prometheus.", response_class=Response)
    async def numbers() -> Response:
        for corpus in corpora:
            metrics.rows.labels(corpus.corpus.name).set(corpus.told().rows)
            metrics.ready.labels(corpus.corpus.name).set(corpus.ready)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    openai.add_routes(app, service)
    answers.add_routes(app, service)
    pictures.add_routes(app, service)
    if tools:
        app.router.routes += tools.routes
    return app


def _tools(service: Service) -> Starlette | None:
    """Agents reach the same corpora at /mcp, where the package for that is installed; the guard lets them in."""
    try:
        server = create_tools(service)
    except ConfigurationError:
        return None
    from mcp.server.transport_security import TransportSecuritySettings

    open_to_all = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return server.streamable_http_app(stateless_http=True, json_response=True, transport_security=open_to_all)


def _shown(passages: Sequence[Passage]) -> list[FoundPassage]:
    return [FoundPassage(**passage.to_dict()) for passage in passages]


def _answer(query: str, passages: Passages) -> Answer:
    expanded = [FoundWider(**one._asdict()) for one in passages.expanded]
    return Answer(query=query, passages=_shown(passages), note=passages.note, expanded=expanded)


def _since(began: float) -> float:
    """Milliseconds."""
    return round((time.monotonic() - began) * 1000, 3)


def _explain_errors(app: FastAPI) -> None:
    """Every error in one form."""

    def told(request: Request, status: int, message: str, hint: str = "") -> JSONResponse:
        request_id = getattr(request.state, "request_id", "")
        return JSONResponse(error_body(status, message, hint, request_id), status)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return told(request, error.status, error.message, error.hint)

    @app.exception_handler(EmbedlakeError)
    async def failed(request: Request, error: EmbedlakeError) -> JSONResponse:
        status = 404 if isinstance(error, UnknownName) else 400 if isinstance(error, ConfigurationError) else 503
        return told(request, status, redact(error.message), redact(error.hint))

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'] if part != 'body') or 'the body'}: {problem['msg']}"
            for problem in error.errors()
        )
        broken = any(problem["type"] == "json_invalid" for problem in error.errors())
        return told(request, 400 if broken else 422, problems[:1000], "See /docs for what it takes.")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        answer = told(request, error.status_code, str(error.detail), "See /docs for what there is.")
        answer.headers.update(error.headers or {})
        return answer
