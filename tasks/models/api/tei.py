"""The protocol of Hugging Face's text-embeddings-inference. Source: its openapi.json, /embed and /info."""

from typing import Any

from tasks.models.api.answers import Reply, in_order
from tasks.models.api.wire import Asked, Kind, Limits, Wire


class Tei(Wire):
    """Vectors in order and nothing else; /info says how many texts a request may have."""

    name = "tei"
    url = ""
    key_env = ""
    own_server = True

    def limits(self, model: str) -> Limits:
        """As the server says unless it was started otherwise; see `providers`."""
        return Limits(32, 16_384, 512)

    def path(self, asked: Asked) -> str:
        """Its own, not the one that is like OpenAI's."""
        return "/embed"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncate` is false."""
        told: dict[str, Any] = {"inputs": texts, "truncate": False, "normalize": True}
        return told if asked.dimension is None else told | {"dimensions": asked.dimension}

    def reply(self, answer: Any, count: int) -> Reply:
        """A list of vectors."""
        return in_order(answer, count, None)
