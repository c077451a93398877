"""Voyage's protocol. Source: docs.voyageai.com: embeddings-api, multimodal-embeddings-api, pricing."""

from typing import Any

from tasks.config.models import Output
from tasks.models.api.wire import Asked, Kind, Limits, Sight, Wire

_TOKENS = {
    "voyage-4-lite": 1_000_000, "voyage-3.5-lite": 1_000_000, "voyage-4": 320_000, "voyage-3.5": 320_000,
    "voyage-2": 320_000,
}  # fmt: skip
"""In a request; of any other model 120,000."""
_SMALLER = ("voyage-4", "voyage-3.5", "voyage-3-large", "voyage-code-3")
_PIXELS = (50_000, 2_000_000)  # of an image at least and at most, to which it is scaled, and as which it is billed
_PIXELS_OF_A_TOKEN = 560


def _sees(model: str) -> bool:
    """Whether a model takes images, which have an endpoint of their own, and its texts with them."""
    return model.startswith("voyage-multimodal")


class Voyage(Wire):
    """1,000 texts a request; every request says whether they are documents or queries."""

    name = "voyage"
    url = "https://api.voyageai.com/v1"
    key_env = "VOYAGE_API_KEY"

    def limits(self, model: str) -> Limits:
        """Models read 32,000 tokens."""
        return Limits(1000, 320_000 if _sees(model) else _TOKENS.get(model, 120_000), 32_000)

    def sight(self, model: str) -> Sight | None:
        """Of the multimodal ones: 20 MB an image, and as many tokens a request as of texts: 89 images of full size. How
        large a request may be is not documented."""
        return Sight(80, _PIXELS[1], 20_000_000, 20_000_000) if _sees(model) else None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """A token is 560 pixels."""
        return round(min(max(height * width, _PIXELS[0]), _PIXELS[1]) / _PIXELS_OF_A_TOKEN)

    def outputs(self, model: str) -> tuple[Output, ...]:
        """All, of models of texts from voyage-3-large and voyage-code-3 on."""
        return ("float", "int8", "binary") if model.startswith(_SMALLER) else ("float",)

    def path(self, asked: Asked) -> str:
        """Of texts, or of texts and images."""
        return "/multimodalembeddings" if _sees(asked.model) else "/embeddings"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncation` is false."""
        told: dict[str, Any] = {"model": asked.model, "input_type": kind, "truncation": False}
        if _sees(asked.model):
            told |= {"inputs": [_content(asked, text) for text in texts], "output_encoding": "base64"}
        else:
            numbers = {"float": {"encoding_format": "base64"}, "int8": {"output_dtype": "int8"}}
            told |= {"input": texts, **numbers.get(self.output, {"output_dtype": "ubinary"})}
        return told if asked.dimension is None else told | {"output_dimension": asked.dimension}


def _content(asked: Asked, content: str) -> dict[str, Any]:
    """An input of one part."""
    kind = "image_base64" if asked.pictures else "text"
    return {"content": [{"type": kind, kind: content}]}
