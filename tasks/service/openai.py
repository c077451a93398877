"""Routes that speak as OpenAI's API does: its clients embed queries, and search a corpus as a vector store."""

import base64
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from tasks.service.guard import Refused
from tasks.service.schemas import (
    Content,
    Embedding,
    EmbeddingsRequest,
    EmbeddingsResponse,
    StoreHit,
    Usage,
    VectorStoreSearchRequest,
    VectorStoreSearchResponse,
)

if TYPE_CHECKING:
    from tasks.search.passage import Passage
    from tasks.service.asking import Service
    from tasks.service.warm import WarmCorpus


_COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")


def add_routes(app: FastAPI, service: "Service") -> None:
    """Add them to an application."""

    @app.post("/v1/embeddings", summary="Embed queries by a corpus's own model.")
    async def embeddings(asked: EmbeddingsRequest) -> EmbeddingsResponse:
        queries = service.queries(asked.input)
        corpus, model = _model_of(service, asked.model)
        vectors, tokens = await service.ask(corpus, partial(corpus.embed, queries, model))
        if asked.dimensions not in (None, len(vectors[0])):
            raise Refused(400, f"the model gives {len(vectors[0])} dimensions, not {asked.dimensions}")
        data = [
            Embedding(index=index, embedding=_packed(vector) if asked.encoding_format == "base64" else vector)
            for index, vector in enumerate(vectors)
        ]
        return EmbeddingsResponse(data=data, model=asked.model, usage=Usage(prompt_tokens=tokens, total_tokens=tokens))

    @app.post("/v1/vector_stores/{corpus}/search", summary="Search a corpus as a vector store.")
    async def vector_store_search(corpus: str, asked: VectorStoreSearchRequest) -> VectorStoreSearchResponse:
        found = service.corpus(corpus)
        queries = service.queries(asked.query)
        where = _structured(asked.filters)
        least = asked.ranking_options.score_threshold if asked.ranking_options else None
        best: dict[str, Passage] = {}
        for query in queries:
            call = partial(found.search, query, limit=asked.max_num_results, where=where, min_score=least)
            for passage in await service.ask(found, call):
                known = best.get(passage.chunk_id)
                if known is None or known.score < passage.score:
                    best[passage.chunk_id] = passage
        hits = sorted(best.values(), key=lambda passage: -passage.score)[: asked.max_num_results]
        return VectorStoreSearchResponse(search_query=queries, data=[_hit(passage) for passage in hits])

    @app.get("/v1/models", summary="The models that queries can be embedded by.")
    async def models() -> dict[str, Any]:
        names = sorted({name for corpus in service.corpora for name in (corpus.corpus.name, *_names(corpus))})
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "embedlake"} for name in names],
        }


def _names(corpus: "WarmCorpus") -> list[str]:
    return [row["model"] for row in corpus.models]


def _model_of(service: "Service", name: str) -> "tuple[WarmCorpus, str | None]":
    """The corpus that has a model, and the model; of a corpus's name, its live one."""
    if (corpus := service.corpora.get(name)) is not None:
        return corpus, None
    for corpus in service.corpora:
        for row in corpus.models:
            if name in (row["model"], row["reference"], row["table"]):
                return corpus, row["table"]
    raise Refused(404, f"no corpus or model {name!r} is served", f"Name one of: {', '.join(service.corpora.names)}.")


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _hit(passage: "Passage") -> StoreHit:
    attributes = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in passage.metadata.items()
        if value is not None
    }
    return StoreHit(
        file_id=passage.document_id, filename=passage.title or passage.uri, score=passage.score,
        attributes=attributes, content=[Content(text=passage.text)],
    )  # fmt: skip


def _structured(filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """OpenAI's filters as `tasks.search.filters` has them."""
    if filters is None:
        return None
    kind = filters.get("type")
    inner = filters.get("filters")
    if kind in ("and", "or") and isinstance(inner, list) and all(isinstance(part, dict) for part in inner):
        return {kind: [_structured(part) for part in inner]}
    if kind not in _COMPARISONS or not isinstance(filters.get("key"), str) or "value" not in filters:
        raise Refused(
            400, f"a filter of type {kind!r} cannot be used",
            f"Write {{type, key, value}} with one of {', '.join(_COMPARISONS)}, or {{type: and|or, filters: [...]}}.",
        )  # fmt: skip
    return {filters["key"]: {kind: filters["value"]}}
