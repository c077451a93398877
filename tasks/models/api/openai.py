"""OpenAI's protocol, which vLLM, Ollama, LM Studio, Infinity, LiteLLM and embedlake itself speak too.

Source: platform.openai.com/docs/api-reference/embeddings.
"""

from typing import Any

from tasks.models.api.wire import Asked, Kind, Limits, Wire


class OpenAI(Wire):
    """OpenAI's own service: 2,048 texts and 300,000 tokens a request, 8,192 tokens a text, no empty text."""


class Compatible(Wire):
    """A server that speaks OpenAI's protocol. It may have smaller limits, which show when it refuses a request; and it
    may not know base64, so that numbers are asked for."""

    name = "openai-compatible"
    url = ""
    key_env = ""
    own_server = True

    def limits(self, model: str) -> Limits:
        """As few as servers usually take."""
        return Limits(64, None, 8192)

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """As OpenAI's, in numbers."""
        return super().body(asked, texts, kind) | {"encoding_format": "float"}
