"""Mistral's protocol. Source: docs.mistral.ai/api, endpoint embeddings; its limits as its errors tell them."""

from typing import Any

from tasks.config.models import Output
from tasks.models.api.wire import Asked, Kind, Limits, Wire


class Mistral(Wire):
    """512 texts and 16,384 tokens a request; documents and queries are asked for in the same way."""

    name = "mistral"
    url = "https://api.mistral.ai/v1"
    key_env = "MISTRAL_API_KEY"

    def limits(self, model: str) -> Limits:
        """Models read 8,192 tokens."""
        return Limits(512, 16_384, 8192)

    def outputs(self, model: str) -> tuple[Output, ...]:
        """All, of codestral-embed."""
        return ("float", "int8", "binary") if model.startswith("codestral-embed") else ("float",)

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """In numbers; only codestral-embed takes a dimension."""
        told: dict[str, Any] = {"model": asked.model, "input": texts, "encoding_format": "float"}
        if self.output != "float":
            told["output_dtype"] = "int8" if self.output == "int8" else "ubinary"
        return told if asked.dimension is None else told | {"output_dimension": asked.dimension}
