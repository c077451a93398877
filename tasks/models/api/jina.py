"""Jina's protocol. Source: api.jina.ai/redoc, endpoint embeddings; of what images cost, jina.ai/embeddings."""

from typing import Any

from tasks.config.models import Output
from tasks.models.api.pictures import data_of
from tasks.models.api.wire import Asked, Kind, Limits, Sight, Wire

_TASKS = {"document": "retrieval.passage", "query": "retrieval.query"}
_TILES = {  # of models that take images: the side of a tile in pixels, its tokens, and pixels of an image
    "jina-clip-v1": (224, 1_000, 224 * 224), "jina-clip-v2": (512, 4_000, 512 * 512),
    "jina-embeddings-v4": (28, 10, 768 * 28 * 28),
}  # fmt: skip
"""The pixels are those that the models look at, by their files; more would only be billed."""


class Jina(Wire):
    """512 texts a request; every request says whether they are documents or queries."""

    name = "jina"
    url = "https://api.jina.ai/v1"
    key_env = "JINA_API_KEY"

    def limits(self, model: str) -> Limits:
        """Version 4 reads 32,000 tokens, those before it 8,192."""
        return Limits(512, None, 32_000 if "-v4" in model else 8192)

    def sight(self, model: str) -> Sight | None:
        """How many images a request may have is not documented; these are few."""
        return Sight(32, _TILES[model][2], 5_000_000, 10_000_000) if model in _TILES else None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """So many for each tile that it covers."""
        side, tokens, _ = _TILES[model]
        return -(-height // side) * -(-width // side) * tokens

    def outputs(self, model: str) -> tuple[Output, ...]:
        """Bits, but no bytes."""
        return ("float", "binary")

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncate` is false. Models before version 3 know no tasks, and CLIP's know that
        of queries alone; these say nothing of what is too long, which is cut before it is sent."""
        told: dict[str, Any] = {"model": asked.model, "input": texts, "embedding_type": "base64"}
        if self.output == "binary":
            told["embedding_type"] = "ubinary"
        if asked.model in _TILES:
            told["input"] = [{"image": data_of(text)[1]} if asked.pictures else {"text": text} for text in texts]
        clip = "-clip-" in asked.model
        if not clip:
            told["truncate"] = False
        if "-v2-" not in asked.model and (not clip or (kind == "query" and not asked.pictures)):
            told["task"] = _TASKS[kind]
        return told if asked.dimension is None else told | {"dimensions": asked.dimension}
