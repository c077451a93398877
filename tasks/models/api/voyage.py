"""Voyage's protocol. Source: docs.voyageai.com/reference/embeddings-api."""

from typing import Any

from tasks.models.api.wire import Asked, Kind, Limits, Wire

_TOKENS = {
    "voyage-4-lite": 1_000_000, "voyage-3.5-lite": 1_000_000, "voyage-4": 320_000, "voyage-3.5": 320_000,
    "voyage-2": 320_000,
}  # fmt: skip
"""In a request; of any other model 120,000."""


class Voyage(Wire):
    """1,000 texts a request; every request says whether they are documents or queries."""

    name = "voyage"
    url = "https://api.voyageai.com/v1"
    key_env = "VOYAGE_API_KEY"

    def limits(self, model: str) -> Limits:
        """Models read 32,000 tokens."""
        return Limits(1000, _TOKENS.get(model, 120_000), 32_000)

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncation` is false."""
        told: dict[str, Any] = {
            "model": asked.model, "input": texts, "input_type": kind, "truncation": False, "encoding_format": "base64"
        }  # fmt: skip
        return told if asked.dimension is None else told | {"output_dimension": asked.dimension}
