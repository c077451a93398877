"""Gemini's protocol. Source: ai.google.dev/api/embeddings, and its guide on embeddings."""

import re
from collections.abc import Mapping
from typing import Any

from tasks.models.api.answers import Reply, UnusableAnswer, in_order, tokens_in
from tasks.models.api.pictures import data_of
from tasks.models.api.wire import Asked, Kind, Limits, Sight, Wire
from tasks.services import failed_answer

_OF_A_DAY = re.compile(r"per_?day|per day", re.I)
_DELAY = re.compile(r'"retryDelay":\s*"([0-9.]+)s"')
_TASKS = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
_PROMPTS: dict[Kind, str] = {"document": "title: none | text: ", "query": "task: search result | query: "}


_PIXELS = 2_359_296  # of an image, 1,536 × 1,536: a bound of ours, there is none in the documentation
_PICTURE_TOKENS = 267  # of any image: 0.00012 USD of 0.45 a million


def _says_it_in_the_text(model: str) -> bool:
    """Whether a model takes no task type: embedding-2 reads the task in the text."""
    return model.startswith("gemini-embedding-2")


class Gemini(Wire):
    """100 texts a request, each a content of its own, since one content has one vector. Vectors are in order, and of
    length 1 only at the full dimension of gemini-embedding-001. What is too long is cut by the service without a word,
    so it is cut before it is sent."""

    name = "gemini"
    url = "https://generativelanguage.googleapis.com/v1beta"
    key_env = "GEMINI_API_KEY"

    def limits(self, model: str) -> Limits:
        """gemini-embedding-001 reads 2,048 tokens, -2 reads 8,192."""
        return Limits(100, None, 8192 if _says_it_in_the_text(model) else 2048)

    def sight(self, model: str) -> Sight | None:
        """Of embedding-2: six images a request, 20 MB together."""
        return Sight(6, _PIXELS, 7_000_000, 18_000_000) if _says_it_in_the_text(model) else None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """Any image costs the same."""
        return _PICTURE_TOKENS

    def headers(self, key: str | None) -> dict[str, str]:
        """The key has a header of its own."""
        return {"x-goog-api-key": key} if key else {}

    def path(self, asked: Asked) -> str:
        """Of the model."""
        return f"/models/{asked.model}:batchEmbedContents"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """A request in the request for each text."""
        shared: dict[str, Any] = {"model": f"models/{asked.model}"}
        if not _says_it_in_the_text(asked.model):
            shared["taskType"] = _TASKS[kind]
        if asked.dimension is not None:
            shared["outputDimensionality"] = asked.dimension
        return {"requests": [shared | {"content": {"parts": [_part(asked, text)]}} for text in texts]}

    def reply(self, answer: Any, count: int) -> Reply:
        """Vectors in order; newer models tell their tokens."""
        entries = answer.get("embeddings") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise UnusableAnswer("it has no embeddings")
        values = [entry.get("values") if isinstance(entry, dict) else None for entry in entries]
        return in_order(values, count, tokens_in(answer.get("usageMetadata"), "promptTokenCount", "totalTokenCount"))

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Exception:
        """A rate that is exceeded for a moment and a day's quota are told in the same words; the name of the quota and
        the time to wait stand further down."""
        if status != 429:
            return super().fault(status, headers, body, count)
        text = body.decode("utf-8", "replace")
        if _OF_A_DAY.search(text):
            return super().fault(status, headers, b"insufficient_quota: the requests of a day are used up", count)
        delay = _DELAY.search(text)
        waiting = {"retry-after": delay[1]} if delay else dict(headers)
        return failed_answer(self.name, status, waiting, body)

    def prompt(self, model: str, kind: Kind) -> str:
        """Of embedding-2."""
        return _PROMPTS[kind] if _says_it_in_the_text(model) else ""


def _part(asked: Asked, content: str) -> dict[str, Any]:
    if not asked.pictures:
        return {"text": content}
    kind, data = data_of(content)
    return {"inlineData": {"mimeType": kind, "data": data}}
