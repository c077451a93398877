"""Jina's protocol. Source: api.jina.ai/redoc, endpoint embeddings."""

from typing import Any

from tasks.models.api.wire import Asked, Kind, Limits, Wire

_TASKS = {"document": "retrieval.passage", "query": "retrieval.query"}


class Jina(Wire):
    """512 texts a request; every request says whether they are documents or queries."""

    name = "jina"
    url = "https://api.jina.ai/v1"
    key_env = "JINA_API_KEY"

    def limits(self, model: str) -> Limits:
        """Version 4 reads 32,000 tokens, those before it 8,192."""
        return Limits(512, None, 32_000 if "-v4" in model else 8192)

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncate` is false. Models before version 3 know no tasks."""
        told: dict[str, Any] = {"model": asked.model, "input": texts, "embedding_type": "base64", "truncate": False}
        if "-v2-" not in asked.model:
            told["task"] = _TASKS[kind]
        return told if asked.dimension is None else told | {"dimensions": asked.dimension}
