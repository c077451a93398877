"""Cohere's protocol, version 2. Source: docs.cohere.com/reference/embed."""

from typing import Any

from tasks.models.api.answers import Reply, UnusableAnswer, in_order, tokens_in
from tasks.models.api.wire import Asked, Kind, Limits, Wire


class Cohere(Wire):
    """96 texts a request; every request says whether they are documents or queries. Vectors are in order."""

    name = "cohere"
    url = "https://api.cohere.com"
    key_env = "COHERE_API_KEY"

    def limits(self, model: str) -> Limits:
        """embed-v4 reads 128,000 tokens, version 3 reads 512."""
        return Limits(96, None, 128_000 if "v4" in model else 512)

    def path(self, asked: Asked) -> str:
        """Of version 2."""
        return "/v2/embed"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncate` is NONE."""
        told: dict[str, Any] = {
            "model": asked.model, "texts": texts, "input_type": f"search_{kind}", "embedding_types": ["float"],
            "truncate": "NONE",
        }  # fmt: skip
        return told if asked.dimension is None else told | {"output_dimension": asked.dimension}

    def reply(self, answer: Any, count: int) -> Reply:
        """Vectors by type, in order."""
        if not isinstance(answer, dict) or not isinstance(answer.get("embeddings"), dict):
            raise UnusableAnswer("it has no embeddings")
        meta = answer.get("meta")
        units = meta.get("billed_units") if isinstance(meta, dict) else None
        return in_order(answer["embeddings"].get("float"), count, tokens_in(units, "input_tokens"))
