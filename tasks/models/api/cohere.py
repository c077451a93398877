"""Cohere's protocol, version 2. Source: docs.cohere.com/reference/embed; of images also docs.aws.amazon.com/bedrock,
"Cohere Embed v4", and docs.oracle.com/iaas, "Cohere Embed 4"."""

from typing import Any

from tasks.config.models import Output
from tasks.models.api.answers import Reply, UnusableAnswer, in_order, numbers_of, tokens_in
from tasks.models.api.wire import Asked, Kind, Limits, Sight, Wire

_TYPES: dict[Output, str] = {"float": "float", "int8": "int8", "binary": "ubinary"}
_PIXELS = (3_136, 2_458_624)  # of an image at least and at most, to which it is scaled
_PIXELS_OF_A_TOKEN = 512 * 512 / 1_610


class Cohere(Wire):
    """96 texts or images a request; every request says whether they are documents or queries. Vectors are in order."""

    name = "cohere"
    url = "https://api.cohere.com"
    key_env = "COHERE_API_KEY"

    def limits(self, model: str) -> Limits:
        """embed-v4 reads 128,000 tokens, version 3 reads 512."""
        return Limits(96, None, 128_000 if "v4" in model else 512)

    def sight(self, model: str) -> Sight | None:
        """Of embed-v4: 96 images, 5 MB each, 20 MB together. Version 3 takes one a request by another way, and is asked
        for none."""
        return Sight(96, _PIXELS[1], 5_000_000, 20_000_000) if "v4" in model else None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """An image of 512 × 512 pixels is about 1,610 tokens."""
        return round(min(max(height * width, _PIXELS[0]), _PIXELS[1]) / _PIXELS_OF_A_TOKEN)

    def outputs(self, model: str) -> tuple[Output, ...]:
        """All, from version 3 on."""
        return ("float", "int8", "binary")

    def path(self, asked: Asked) -> str:
        """Of version 2."""
        return "/v2/embed"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Too long texts are an error: `truncate` is NONE."""
        told: dict[str, Any] = {
            "model": asked.model, **_inputs(asked, texts), "input_type": f"search_{kind}", "truncate": "NONE",
            "embedding_types": [_TYPES[self.output]],
        }  # fmt: skip
        return told if asked.dimension is None else told | {"output_dimension": asked.dimension}

    def reply(self, answer: Any, count: int) -> Reply:
        """Vectors by type, in order."""
        if not isinstance(answer, dict) or not isinstance(answer.get("embeddings"), dict):
            raise UnusableAnswer("it has no embeddings")
        meta = answer.get("meta")
        units = meta.get("billed_units") if isinstance(meta, dict) else None
        told = [tokens_in(units, name) for name in ("input_tokens", "image_tokens")]
        tokens = None if told == [None, None] else sum(number or 0 for number in told)
        return numbers_of(in_order(answer["embeddings"].get(_TYPES[self.output]), count, tokens), self.output)


def _inputs(asked: Asked, contents: list[str]) -> dict[str, Any]:
    """Texts, or images as inputs of one part each."""
    if not asked.pictures:
        return {"texts": contents}
    return {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": uri}}]} for uri in contents]}
