"""Amazon Bedrock's protocol, by an API key of its own (a bearer token): Titan's text models, and Cohere's.

Source: docs.aws.amazon.com/bedrock, InvokeModel; model-parameters-titan-embed-text, -embed-v3, -embed-v4; api-keys-use.
"""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tasks.config.models import Output
from tasks.errors import ServiceError
from tasks.models.api.answers import Reply, UnusableAnswer, in_order, tokens_in
from tasks.models.api.cohere import Cohere
from tasks.models.api.wire import Asked, Kind, Limits, Sight, Wire
from tasks.services import what_it_says

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_UNKNOWN = re.compile(r"model identifier is invalid|on-demand throughput|model version is not supported", re.I)
_SPENT = re.compile(r"per day|ServiceQuotaExceeded", re.I)


class Bedrock(Wire):
    """A text a request to Titan, 96 texts or images to Cohere's models; their address is that of a region."""

    name = "bedrock"
    url = ""
    example = "https://bedrock-runtime.eu-central-1.amazonaws.com"
    key_env = "AWS_BEARER_TOKEN_BEDROCK"

    def found(self) -> str:
        """That of the region that AWS_REGION or AWS_DEFAULT_REGION names."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        return f"https://bedrock-runtime.{region}.amazonaws.com" if _REGION.fullmatch(region) else ""

    def refusal(self, model: str) -> str:
        """Other models have protocols of their own."""
        return "" if _is_titan(model) or _is_cohere(model) else "of Bedrock's models, Titan Text and Cohere's are known"

    def limits(self, model: str) -> Limits:
        """Titan reads 8,192 tokens."""
        return Limits(1, None, 8192) if _is_titan(model) else self._cohere.limits(model)

    def sight(self, model: str) -> Sight | None:
        """As Cohere's own."""
        return self._cohere.sight(model) if _is_cohere(model) else None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """As Cohere's own."""
        return self._cohere.picture_tokens(model, height, width)

    def outputs(self, model: str) -> tuple[Output, ...]:
        """As Cohere's own; of Titan floats alone."""
        return self._cohere.outputs(model) if _is_cohere(model) else ("float",)

    def path(self, asked: Asked) -> str:
        """Of the model, or of an inference profile."""
        return f"/model/{quote(asked.model, safe=':')}/invoke"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """The model's own: Titan tells nothing of documents and queries; too long texts are an error."""
        if _is_cohere(asked.model):
            told = self._cohere.body(asked, texts, kind)
            del told["model"]
            if asked.pictures:
                told["inputs"] = [{"content": [{"type": "image_url", "image_url": uri}]} for uri in texts]
            return told
        [text] = texts
        told = {"inputText": text}
        return told if asked.dimension is None else told | {"dimensions": asked.dimension, "normalize": True}

    def reply(self, answer: Any, count: int) -> Reply:
        """One vector, or Cohere's by type."""
        if isinstance(answer, dict) and "embeddings" in answer:
            return self._cohere.reply(answer, count)
        if not isinstance(answer, dict) or "embedding" not in answer:
            raise UnusableAnswer("it has no embedding")
        return in_order([answer["embedding"]], count, tokens_in(answer, "inputTextTokenCount"))

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Exception:
        """A model that the region or the account has not, and a day's quota, have words of their own; of some
        errors the kind stands in a header alone."""
        told = f"{headers.get('x-amzn-errortype', '')} {body.decode('utf-8', 'replace')}"
        if status == 400 and _UNKNOWN.search(told):
            return ServiceError(
                f"{self.name} has no such model in this region, or by an inference profile alone{what_it_says(body)}",
                "Name the profile, such as bedrock:eu.cohere.embed-v4:0, or another region: api: { url: … }.",
            )
        if status in (400, 429) and _SPENT.search(told):
            return super().fault(429, headers, b"insufficient_quota: " + body, count)
        return super().fault(status, headers, body, count)

    @property
    def _cohere(self) -> Cohere:
        return Cohere().giving(self.output)


def _is_titan(model: str) -> bool:
    return "amazon.titan-embed-text" in model


def _is_cohere(model: str) -> bool:
    return "cohere.embed-" in model
