"""The routes of images and sound: a search by one, and small pictures of those that were found."""

import base64
import binascii
import time
from functools import partial
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from pydantic import Field

from tasks.search.options import Modality
from tasks.search.thumbnail import MEDIA_TYPE
from tasks.service.asking import Service
from tasks.service.guard import Refused
from tasks.service.schemas import BoostBy, FoundPassage, SimilarResponse, Taken, Where

_LARGEST = 1024  # side of a thumbnail, in pixels
_KEPT = "private, max-age=86400"  # what a chunk's id stands for never changes


class _MediaRequest(Taken):
    corpus: str | None = Field(None, description="Name of the corpus; may be left out where only one is served.")
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(5, description="Most passages.")
    offset: Annotated[int, Field(ge=0, le=10_000)] = Field(0, description="Passages of the pages before.")
    where: Where = None
    modality: Modality | None = Field(
        None, description="Only text, only images, or only sound; by default all in one list."
    )
    per_document: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="Most passages of a document.")
    min_score: float | None = Field(None, description="Leave out passages with a lower score.")
    boost: list[BoostBy] = Field([], max_length=10, description="What raises the scores of the best hundred.")
    diverse: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="How much it counts that a passage is unlike those above it."
    )
    model: str | None = Field(None, description="Another model than the live one.")


class ImageRequest(_MediaRequest):
    """A search by an image."""

    image: Annotated[str, Field(min_length=1)] = Field(description="The file's content in base64.")


class AudioRequest(_MediaRequest):
    """A search by a sound."""

    audio: Annotated[str, Field(min_length=1)] = Field(description="The file's content in base64.")


def add_routes(app: FastAPI, service: Service) -> None:
    """Add them to an application."""

    async def search_by(name: str, told: str, asked: _MediaRequest, request: Request) -> SimilarResponse:
        began = time.monotonic()
        corpus = service.corpus(asked.corpus)
        try:
            content = base64.b64decode(told, validate=True)
        except (binascii.Error, ValueError):
            raise Refused(422, f"{name}: expected base64", "Encode the file's content.") from None
        options = asked.model_dump(exclude={name, "corpus"}) | {name: content}
        found = await service.decode(corpus, partial(corpus.search, **options))
        return SimilarResponse(
            corpus=corpus.corpus.name, passages=[FoundPassage(**passage.to_dict()) for passage in found],
            note=found.note, milliseconds=round((time.monotonic() - began) * 1000, 3),
            request_id=request.state.request_id,
        )  # fmt: skip

    @app.post("/search/image", summary="Find passages that are like an image.")
    async def search_image(asked: ImageRequest, request: Request) -> SimilarResponse:
        return await search_by("image", asked.image, asked, request)

    @app.post("/search/audio", summary="Find passages that are like a sound.")
    async def search_audio(asked: AudioRequest, request: Request) -> SimilarResponse:
        return await search_by("audio", asked.audio, asked, request)

    @app.get(
        "/corpora/{corpus}/chunks/{chunk_id}/thumbnail", summary="A small picture of an image.", response_class=Response
    )
    async def thumbnail(
        corpus: str, chunk_id: str, side: Annotated[int, Query(ge=16, le=_LARGEST)] = 256, model: str | None = None
    ) -> Response:
        held = service.corpus(corpus)
        content = await service.decode(held, partial(held.thumbnail, chunk_id, side, model))
        return Response(content, media_type=MEDIA_TYPE, headers={"cache-control": _KEPT})
